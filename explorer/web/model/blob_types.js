// The contents of blobs of each kind, as docs/FORMATS.md has them. Types only.

/**
 * @typedef {import("../engine/program.js").ProgramSpec} ProgramSpec
 * @typedef {number[]} Shape of a picture: channels, height, width; MNIST's where a blob has none
 *
 * @typedef {{name: string, options: string[], kind: "label" | "categorical"}} ChoiceHeader a label that the
 *   model is given, or a categorical latent
 * @typedef {{family: string, mean: number, std: number, low: number | null, choices?: ChoiceHeader[],
 *   [of: string]: any}}
 *   PriorHeader the family of a prior, by its name in families.js, its mean and standard deviation in
 *   each dimension, and the lower end of its support; null where it has none. What a family adds is
 *   said there
 * @typedef {{name: string, title: string, formula: string, constant: number | null, unit: string,
 *   total: string}} LikelihoodHeader `constant` is left out of −log p(x|z), in nats an image; null
 *   where the term is no −log p(x|z)
 * @typedef {{program: ProgramSpec, weight: number, scales: number[]}} FeaturesHeader the classifier up to
 *   the features that are compared, its outputs, the factor of each one's squared distance, and that of
 *   their sum where it is added to another term
 *
 * @typedef {{kind: "model", name: string, shape?: Shape, latent_dim: number, prior: PriorHeader,
 *   likelihood: LikelihoodHeader, encoder: ProgramSpec | "apart" | null, decoder: ProgramSpec,
 *   features?: FeaturesHeader, tensors: Record<string, [number, number[]]>}} ModelHeader `tensors`: the
 *   first number and the shape of each, in the weights
 * @typedef {{weights?: Float32Array, exponents?: Uint8Array, mantissas?: Uint8Array,
 *   codes?: Float32Array}} ModelArrays the weights: first those that are bfloat16 in two planes, then the
 *   others as float32; and, of a decoder alone, the codes (n, d) of its pictures
 *
 * @typedef {{kind: "encoder", program: ProgramSpec, tensors: Record<string, [number, number[]]>,
 *   borrowed: Record<string, [string, number[]]>}} EncoderHeader one that comes after its model, whose `encoder`
 *   is then "apart"; its weights as there, but for those `borrowed` from the model: the name there, and a shape
 *
 * @typedef {{kind: "first", images: number[]}} FirstHeader numbers of the images that a page shows first
 * @typedef {{levels: Uint8Array, heads: Float32Array}} FirstArrays their values (k, c·h·w), and what the
 *   encoder makes of them (k, m)
 *
 * @typedef {{kind: "pictures", classes: string[], images: number, shape?: Shape, per_piece: number,
 *   pieces: string, noun?: string, ink_box?: number | null, pen?: number | null}} PicturesHeader the n-th
 *   piece, of `per_piece` images, is at the path `pieces` and n; `noun` is the word for a picture
 * @typedef {{labels: Uint8Array | Uint32Array}} PicturesArrays `labels` (N,)
 *
 * @typedef {{kind: "piece", first: number, count: number, packing: string, columns?: number}} PieceHeader
 *   images from `first` on, `sparse` or `webp`; `columns` of an atlas
 * @typedef {{lit?: Uint8Array, levels?: Uint8Array, atlas?: Uint8Array}} PieceArrays `lit` (n, bytes), a
 *   bit a value, the lowest first, and `levels` of all values that are not 0; or a WebP picture
 *
 * @typedef {{kind: string, axes?: number[], [of: string]: any}} ViewHeader how z is found on a map: the
 *   projection, by its name in map/projections.js, or "none"; the latent dimensions that a plane shows.
 *   What a projection adds is said there
 * @typedef {{index: number, kl: number, active: boolean, low: number, high: number, choice?: ChoiceHeader,
 *   share?: number}} Dimension KL in nats; `low` and `high` are its slider's ends; the choice that it
 *   is; of a latent grid the share of the variance along a direction
 * @typedef {{name: string, colour: string, points: [number, number], label: [number, number] | null}}
 *   Group a class: its first code and the one behind its last, and where its name is written
 * @typedef {[[number, number], [number, number]]} Bounds lowest and highest value of either axis
 * @typedef {{kind: "map", view: ViewHeader, axis_titles: string[] | null, groups: Group[],
 *   bounds: {all: Bounds, core: Bounds}, anchored: boolean, bar?: [string, number, number] | null,
 *   revision: string, level?: {own: number, bernoulli: number} | null,
 *   themes: Record<"light" | "dark", Record<string, string>>, dims: Dimension[],
 *   code_step?: number}} MapHeader `core` leaves the few codes out that lie farthest; an `anchored` map
 *   begins where the prior's support does; `bar` is a factor's name and range whose values the groups are;
 *   `level` is what the terms usually add up to, the model's own and cross-entropy
 * @typedef {{x: Float32Array, y: Float32Array, index: Uint32Array, codes?: Int16Array,
 *   directions?: Float32Array, centre?: Float32Array}} MapArrays
 *   places on the map and the numbers of their images (n,); `codes` (n, d) in units of `code_step`; of a
 *   latent grid the `directions` (k, d) of its sliders, from a `centre` (d,)
 *
 * @typedef {{kind: "terms", first: number, count: number}} TermsHeader images from `first` on
 * @typedef {{reconstruction: Float32Array, reconstruction_error: Float32Array, kl: Float32Array,
 *   log_p?: Float32Array, log_p_error: Float32Array}} TermsArrays their terms (n,), and what these may be wrong by
 *
 * @typedef {{kind: "probe", classes: string[], shape?: Shape}} ProbeHeader
 * @typedef {{labels: Uint8Array, images: Uint8Array}} ProbeArrays `labels` (n); `images` (k, c·h·w)
 *
 * @typedef {{kind: "snapshot", step: number, axes: number[]}} SnapshotHeader `axes`: the dimensions
 *   of its grid
 * @typedef {{codes: Float32Array, grid: Uint8Array, reconstructions: Uint8Array}} SnapshotArrays
 *   `codes` (n, d), the means of q(z|x); `grid` (side², c·h·w), rows from the top;
 *   `reconstructions` (k, c·h·w)
 *
 * @typedef {{kind: "film", preset: string, title: string, epochs: number, total: number, steps: number[],
 *   last_step: number, classes: string[], shape: Shape, axes: number[], prior: PriorHeader,
 *   code_step: number}} FilmHeader a finished run: what it was, its −ELBO, and the steps of its frames
 * @typedef {{labels: Uint8Array, codes: Int16Array, grid: Uint8Array}} FilmArrays `labels` (n); of each
 *   frame `codes` (n, d) in units of `code_step`, and `grid` (side², c·h·w)
 *
 * @typedef {{header: ModelHeader, arrays: ModelArrays}} ModelBlob
 * @typedef {{header: EncoderHeader, arrays: ModelArrays}} EncoderBlob
 * @typedef {{header: FirstHeader, arrays: FirstArrays}} FirstBlob
 * @typedef {{header: PicturesHeader, arrays: PicturesArrays}} PicturesBlob
 * @typedef {{header: PieceHeader, arrays: PieceArrays}} PieceBlob
 * @typedef {{header: MapHeader, arrays: MapArrays}} MapBlob
 * @typedef {{header: TermsHeader, arrays: TermsArrays}} TermsBlob
 * @typedef {{header: ProbeHeader, arrays: ProbeArrays}} ProbeBlob
 * @typedef {{header: SnapshotHeader, arrays: SnapshotArrays}} SnapshotBlob
 * @typedef {{header: FilmHeader, arrays: FilmArrays}} FilmBlob
 * @typedef {{model: ModelBlob, encoder: EncoderBlob, first: FirstBlob, pictures: PicturesBlob,
 *   piece: PieceBlob, map: MapBlob, terms: TermsBlob, probe: ProbeBlob, snapshot: SnapshotBlob, film: FilmBlob}} Blobs by kind
 */

export {};
