// The shape of a picture: channels first, as torch has it. Its twin is training/vae/image_shape.py.

export class ImageShape {
  /** @param {readonly number[]} shape channels (1 grey, 3 RGB), height and width */
  constructor([channels, height, width]) {
    this.channels = channels;
    this.height = height;
    this.width = width;
    /** How many values a picture has. */
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
