// Where the numbers of a value lie: channels last, padded to 4 or to a multiple of 8, and round each
// picture a halo of zeros as wide as what reads it reaches.

/** @param {number} n @param {number} of */
export const roundUp = (n, of) => Math.ceil(n / of) * of;

/** The product of sides. @param {readonly number[]} sides */
export const sizeOf = (sides) => sides.reduce((a, b) => a * b, 1);

/** @param {number} n */
export const upTo = (n) => Int32Array.from({ length: n }, (_, i) => i);

/**
 * Addresses in the order in which numbers are counted, by what an index along each axis adds; where that is −1,
 * there is none.
 * @param {ArrayLike<number>[]} axes
 */
export function combined(axes) {
  let found = Int32Array.of(0);
  for (const along of axes) {
    const next = new Int32Array(found.length * along.length);
    let n = 0;
    for (const before of found)
      for (let i = 0; i < along.length; i++)
        next[n++] = before < 0 || along[i] < 0 ? -1 : before + along[i];
    found = next;
  }
  return found;
}

/** Memory that values of one size and one halo share, one after the other or one on top of the other. */
export class Storage {
  /** @param {number} height @param {number} width @param {number} lanes channels with their padding */
  constructor(height, width, lanes) {
    this.height = height;
    this.width = width;
    this.lanes = lanes;
    this.top = this.left = this.bottom = this.right = 0;
    /** Of the first image, in floats; known when memory is. */
    this.first = 0;
    /** Whether the padding of its channels is never written, and must stay 0. */
    this.exclusive = false;
    /** The numbers of the first and the last step that use it. */
    this.born = Infinity;
    this.dies = -1;
  }

  /** Floats of a row. */
  get pitch() {
    return (this.left + this.width + this.right) * this.lanes;
  }

  /** Floats of an image, with a little behind it that may be read. */
  get size() {
    return (this.top + this.height + this.bottom) * this.pitch + 8;
  }

  /** Where pixel (0, 0) of image `n` lies, in floats. @param {number} [n] */
  origin(n = 0) {
    return this.first + n * this.size + this.top * this.pitch + this.left * this.lanes;
  }

  /** What storages that may take each other's place have in common. */
  get key() {
    const { height, width, lanes, top, left, bottom, right } = this;
    return [height, width, lanes, top, left, bottom, right].join();
  }

  /** Have at least this halo. @param {{top: number, left: number, bottom: number, right: number}} halo */
  widen({ top, left, bottom, right }) {
    this.top = Math.max(this.top, top);
    this.left = Math.max(this.left, left);
    this.bottom = Math.max(this.bottom, bottom);
    this.right = Math.max(this.right, right);
  }
}

/** A named value of a program: a picture (c, h, w), or rows of what its last axis holds. */
export class Value {
  /** @param {readonly number[]} shape without a batch */
  constructor(shape) {
    this.shape = shape;
    const picture = shape.length === 3;
    this.channels = picture ? shape[0] : shape[shape.length - 1];
    this.height = picture ? shape[1] : 1;
    this.width = picture ? shape[2] : sizeOf(shape) / this.channels;
    this.storage = new Storage(
      this.height,
      this.width,
      this.channels <= 4 ? 4 : roundUp(this.channels, 8),
    );
    /** The number of steps that take it; outputs count as one. */
    this.users = 0;
  }

  get size() {
    return sizeOf(this.shape);
  }

  /** The axis of the channels. */
  get last() {
    return this.shape.length === 3 ? 0 : this.shape.length - 1;
  }

  /**
   * What indices along an axis add to an address; −1 remains.
   * @param {number} axis @param {ArrayLike<number>} [indices] by default all
   */
  along(axis, indices = upTo(this.shape[axis])) {
    const { shape, storage, last } = this;
    let step = axis === last ? 1 : storage.lanes;
    if (last === 0) step = [1, storage.pitch, storage.lanes][axis];
    else for (let a = axis + 1; a < last; a++) step *= shape[a];
    return Int32Array.from(indices, (i) => (i < 0 ? -1 : i * step));
  }

  /**
   * Where each number lies, from pixel (0, 0) on, in the order in which they are counted; for another shape of
   * equal rank, a side of 1 counts for all along it.
   * @param {readonly number[]} [shape]
   */
  offsets(shape = this.shape) {
    return combined(shape.map((n, a) => (n === this.shape[a] ? this.along(a) : new Int32Array(n))));
  }
}
