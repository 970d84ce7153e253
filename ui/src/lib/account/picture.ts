/** Makes a chosen image small enough to be kept with an account. */
import { ReadableError } from '$lib/api/client';

/** Pixels on each side; shown at up to 80 CSS pixels, on screens of up to three device pixels each. */
const SIDE = 240;
/** What the server takes, as characters of the data: URL. */
const LONGEST = 96 * 1024;

/** A square out of the image's middle, as a data: URL. Throws `ReadableError` for what is no image. */
export async function pictureOf(file: Blob): Promise<string> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file);
  } catch {
    throw new ReadableError('That file is no picture this browser can read. PNG, JPEG and WebP work everywhere.');
  }
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [SIDE, SIDE];
  const side = Math.min(image.width, image.height);
  const [left, top] = [(image.width - side) / 2, (image.height - side) / 2];
  canvas.getContext('2d')?.drawImage(image, left, top, side, side, 0, 0, SIDE, SIDE);
  image.close();
  // Drawing it anew also drops what a camera writes into the file, such as the place.
  const picture = [0.85, 0.6, 0.4].map((quality) => canvas.toDataURL('image/jpeg', quality)).find((url) => url.length <= LONGEST);
  if (picture === undefined) throw new ReadableError('That picture stays too large even when it is made small. Choose a simpler one.');
  return picture;
}
