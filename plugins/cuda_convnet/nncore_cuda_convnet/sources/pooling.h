// Maximum pooling in the layout c01b. The winner of a window is its first maximum in row-major
// order, or its first NaN; padding never wins.
#pragma once

#include "device.h"

namespace nncore {

constexpr int kPoolThreads = 256;

struct Pool {
  int batch, channels;
  int rows, columns;          // of the input
  int out_rows, out_columns;  // of the output
  int window_rows, window_columns;
  int stride_rows, stride_columns;
  int pad_rows, pad_columns;  // before the input
};

// Where the winner of a window lies in a channel's plane (row * columns + column).
template <class T, bool Vector>
struct Winner {
  static constexpr int kParts = Vector ? 4 : 1;
  T best[kParts];
  int where[kParts];

  __device__ Winner(const T* plane, const Pool& p, int position, int image) {
    const int top = position / p.out_columns * p.stride_rows - p.pad_rows;
    const int left = position % p.out_columns * p.stride_columns - p.pad_columns;
    const int row_end = top + p.window_rows < p.rows ? top + p.window_rows : p.rows;
    const int column_end = left + p.window_columns < p.columns ? left + p.window_columns : p.columns;
#pragma unroll
    for (int q = 0; q < kParts; ++q) where[q] = -1;
    for (int row = top < 0 ? 0 : top; row < row_end; ++row)
      for (int column = left < 0 ? 0 : left; column < column_end; ++column) {
        const int here = row * p.columns + column;
        T seen[kParts];
        load(plane + here * p.batch + image, seen);
#pragma unroll
        for (int q = 0; q < kParts; ++q)
          if (where[q] < 0 || seen[q] > best[q] || (seen[q] != seen[q] && best[q] == best[q])) {
            best[q] = seen[q];
            where[q] = here;
          }
      }
  }

  __device__ static void load(const T* from, T* to) {
    if constexpr (Vector) {
      const Four<T> v = load4(from);
#pragma unroll
      for (int q = 0; q < 4; ++q) to[q] = v.e[q];
    } else {
      to[0] = __ldg(from);
    }
  }
};

// Which (channel, position) and image a thread works on; false beyond the end.
template <bool Vector>
__device__ inline bool place(const Pool& p, int positions, int& channel, int& position, int& image) {
  constexpr int kParts = Vector ? 4 : 1;
  const int lanes = p.batch / kParts;
  const int index = blockIdx.x * kPoolThreads + threadIdx.x;
  if (index >= p.channels * positions * lanes) return false;
  const int cell = index / lanes;
  image = (index - cell * lanes) * kParts;
  channel = cell / positions;
  position = cell - channel * positions;
  return true;
}

// From values, of the input's shape, take the element at each window's winner.
template <class T, bool Vector>
__global__ void __launch_bounds__(kPoolThreads)
    pool_take(const T* input, const T* values, T* out, Pool p) {
  const int positions = p.out_rows * p.out_columns, plane = p.rows * p.columns * p.batch;
  int channel, position, image;
  if (!place<Vector>(p, positions, channel, position, image)) return;
  const Winner<T, Vector> winner(input + channel * plane, p, position, image);
  const T* from = values + channel * plane + image;
  T* to = out + (channel * positions + position) * p.batch + image;
#pragma unroll
  for (int q = 0; q < Winner<T, Vector>::kParts; ++q) to[q] = from[winner.where[q] * p.batch + q];
}

template <class T, bool Vector>
__global__ void __launch_bounds__(kPoolThreads)
    pool_winners(const T* input, int* winners, Pool p) {
  const int positions = p.out_rows * p.out_columns, plane = p.rows * p.columns * p.batch;
  int channel, position, image;
  if (!place<Vector>(p, positions, channel, position, image)) return;
  const Winner<T, Vector> winner(input + channel * plane, p, position, image);
  int* to = winners + (channel * positions + position) * p.batch + image;
#pragma unroll
  for (int q = 0; q < Winner<T, Vector>::kParts; ++q) to[q] = winner.where[q];
}

// The gradient by the input: each element gathers from the windows that it won, in row-major order.
template <class T>
__global__ void __launch_bounds__(kPoolThreads)
    pool_spread(const int* winners, const T* gradients, T* out, Pool p) {
  int channel, position, image;
  if (!place<false>(p, p.rows * p.columns, channel, position, image)) return;
  const int row = position / p.columns + p.pad_rows, column = position % p.columns + p.pad_columns;
  const int first_row = row < p.window_rows ? 0 : (row - p.window_rows) / p.stride_rows + 1;
  const int first_column =
      column < p.window_columns ? 0 : (column - p.window_columns) / p.stride_columns + 1;
  const int offset = channel * p.out_rows * p.out_columns;
  T sum = 0;
  for (int r = first_row; r < p.out_rows && r * p.stride_rows <= row; ++r)
    for (int c = first_column; c < p.out_columns && c * p.stride_columns <= column; ++c) {
      const int here = (offset + r * p.out_columns + c) * p.batch + image;
      if (__ldg(winners + here) == position) sum += __ldg(gradients + here);
    }
  out[(channel * p.rows * p.columns + position) * p.batch + image] = sum;
}

}  // namespace nncore
