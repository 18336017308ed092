// The shape of a picture: channels first, as torch has it. Its twin is training/vae/image_shape.py.

export class ImageShape {
  /** @param {readonly number[]} [shape] channels (1 grey, 3 RGB), height and width; MNIST's without it */
  constructor([channels, height, width] = [1, 28, 28]) {
    this.channels = channels;
    this.height = height;
    this.width = width;
    /** The number of values of a picture. */
    this.size = channels * height * width;
  }

  /** @param {ImageShape} other */
  equals(other) {
    return String(this) === String(other);
  }

  toString() {
    return `${this.channels}×${this.height}×${this.width}`;
  }
}
