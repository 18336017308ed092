// The records of a run's log that count, and no more of them than a screen can show. The twin of
// `counted` and `thinned` in training/runs/log.py.

/**
 * @typedef {{kind: "step", step: number, epoch: number, beta: number, learning_rate: number,
 *   train_reconstruction: number, train_kl_per_dim: number[], images_per_second: number, at: number}}
 *   StepRecord the terms of the newest steps, in nats an image; `epoch` has fractions; `at` is when it
 *   was written, in seconds since 1970
 * @typedef {{kind: "epoch", step: number, epoch: number, test_reconstruction: number,
 *   test_kl: number}} EpochRecord the terms of the test images after an epoch, in nats an image
 * @typedef {{kind: "rewind", step: number}} Rewind records before it with a larger step do not count
 * @typedef {StepRecord | EpochRecord} RunRecord
 */

/**
 * The records that count: those that a later rewind takes back are left out.
 * @param {(RunRecord | Rewind)[]} lines in the log's order
 * @returns {RunRecord[]}
 */
export function counted(lines) {
  /** @type {RunRecord[]} */
  const kept = [];
  for (const line of lines)
    if (line.kind === "rewind")
      while (kept.length && kept[kept.length - 1].step > line.step) kept.pop();
    else kept.push(line);
  return kept;
}

/** @param {RunRecord[]} records */
export const stepsOf = (records) =>
  /** @type {StepRecord[]} */ (records.filter((record) => record.kind === "step"));

/** @param {RunRecord[]} records */
export const epochsOf = (records) =>
  /** @type {EpochRecord[]} */ (records.filter((record) => record.kind === "epoch"));

/**
 * About `most` records: all epochs, and of the steps as many as there is room for, at even distances,
 * the newest among them.
 * @param {RunRecord[]} records
 * @param {number} most
 */
export function thinned(records, most) {
  const steps = stepsOf(records);
  const room = Math.max(2, most - (records.length - steps.length));
  if (steps.length <= room) return records;
  const last = steps[steps.length - 1];
  const gap = (last.step - steps[0].step) / (room - 1);
  let due = steps[0].step;
  return records.filter((record) => {
    if (record.kind === "epoch" || record === last) return true;
    if (record.step < due) return false;
    due = Math.max(due + gap, record.step);
    return true;
  });
}

/**
 * Every so many-th record, the newest one among them.
 * @template T
 * @param {T[]} records
 * @param {number} most
 */
export function everyNth(records, most) {
  const stride = Math.ceil(records.length / most);
  return stride < 2 ? records : records.filter((_, i) => (records.length - 1 - i) % stride === 0);
}

/**
 * The newest record that is not beyond a step.
 * @template {{step: number}} T
 * @param {T[]} records in order
 * @param {number} step
 * @returns {T | undefined}
 */
export function newestUntil(records, step) {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle].step <= step) low = middle + 1;
    else high = middle;
  }
  return records[low - 1];
}

/** Images a second over the last few records, each as long as it was. @param {StepRecord[]} steps */
export function imagesPerSecond(steps) {
  const recent = steps.slice(-9);
  let [count, time] = [0, 0];
  for (let i = 1; i < recent.length; i++) {
    const made = recent[i].step - recent[i - 1].step;
    count += made;
    time += made / recent[i].images_per_second;
  }
  return time ? count / time : (recent[0]?.images_per_second ?? 0);
}

/**
 * Seconds that are left at the pace of the last ten; null where there is no pace.
 * @param {StepRecord[]} steps
 * @param {number} end the run's last step
 */
export function secondsLeft(steps, end) {
  const last = steps[steps.length - 1];
  if (!last || !end) return null;
  let i = steps.length - 1;
  while (i > 0 && last.at - steps[i - 1].at < 10 && steps[i].at - steps[i - 1].at < 5) i--;
  const pace = (last.step - steps[i].step) / (last.at - steps[i].at);
  return pace > 0 ? (end - last.step) / pace : null;
}
