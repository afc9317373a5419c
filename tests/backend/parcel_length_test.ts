/** How many files a parcel has on a share. */
import assert from "node:assert/strict";
import { MOST } from "../../src/backend/posix/desk.ts";
import { ParcelLength } from "../../src/backend/posix/parcel_length.ts";

/** One that has come to eight files. */
function grown(): ParcelLength {
  const length = new ParcelLength();
  for (let i = 0; i < 2; i++) length.took(50, length.most);
  return length;
}

Deno.test("ParcelLength grows up to what a desk holds when full parcels are done soon", () => {
  const length = new ParcelLength();
  const lengths = [length.most];
  for (let i = 0; i < 6; i++) {
    length.took(50, length.most);
    lengths.push(length.most);
  }
  assert.deepEqual(lengths, [2, 4, 8, 16, MOST, MOST, MOST]);
});

Deno.test("ParcelLength stays as it is when a parcel that is done soon was not full", () => {
  const length = new ParcelLength();
  length.took(1, length.most - 1);
  assert.equal(length.most, 2);
});

Deno.test("ParcelLength stays as it is when a parcel takes neither long nor short", () => {
  const length = grown();
  length.took(400, length.most);
  assert.equal(length.most, 8);
});

Deno.test("ParcelLength shrinks to two files when parcels take long, and grows again", () => {
  const length = grown();
  for (let i = 0; i < 5; i++) length.took(5000, length.most);
  assert.equal(length.most, 2);
  length.took(20, 2);
  assert.equal(length.most, 4);
});
