// A film by the browser's own encoder.

const TYPES = ["video/mp4;codecs=avc1.42E01F", "video/webm;codecs=vp9", "video/webm"];
const RATE = 30; // frames a second
const BITS = 6e6; // a second

/** What draws a film on its canvas, at a share of its time. @typedef {{canvas: HTMLCanvasElement, paint: (share: number) => void}} Painter */

/** The kind of film that this browser makes; "" for none. */
export function filmType() {
  const there =
    typeof MediaRecorder === "function" && "captureStream" in HTMLCanvasElement.prototype;
  return there ? (TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? "") : "";
}

/** The ending of a film's file. @param {string} type */
export const endingOf = (type) => (type.startsWith("video/mp4") ? "mp4" : "webm");

/**
 * Record a film, in the time that it takes; null where it was given up.
 * @param {Painter} painter
 * @param {number} seconds
 * @param {string} type of the film
 * @param {(share: number) => boolean} goesOn is told how far it is; false gives it up
 * @returns {Promise<Blob | null>}
 */
export async function record({ canvas, paint }, seconds, type, goesOn) {
  paint(0);
  const stream = canvas.captureStream(RATE);
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const done = new Promise((resolve, reject) => {
    recorder.onstop = resolve;
    recorder.onerror = () => reject(new Error("the browser's encoder gave up"));
  });
  recorder.start();
  const begin = performance.now();
  let going = true;
  for (let share = 0; share < 1 && going;) {
    await new Promise((resolve) => setTimeout(resolve, 1000 / RATE)); // frames stop where a tab is hidden
    share = Math.min(1, (performance.now() - begin) / (1000 * seconds));
    paint(share);
    going = goesOn(share);
  }
  recorder.stop();
  await done;
  for (const track of stream.getTracks()) track.stop();
  return going ? new Blob(parts, { type: type.split(";")[0] }) : null;
}
