// Convolution in the layout c01b: images (channels, rows, columns, batch), filters (channels, rows,
// columns, filters). Each direction is a matrix product whose operands are gathered on the way into
// shared memory.
#pragma once

#include "tile.h"

namespace nncore {

struct Sizes {
  int batch, channels, filters;
  int rows, columns;          // of the input
  int out_rows, out_columns;  // of the output
  int taps;                   // filter size on each axis
  int stride, pad;
  bool flip;
};

// Along one axis: which element of the source a position of the result sees through a tap, and
// where the position lies in the result. The forward convolution has one such walk. The gradient
// by the input has one for each remainder of a position by the stride, since only every
// stride-th tap reaches it. Walks are computed on the host, so that they cost no registers.
struct Walk {
  int positions;           // how many
  int scale, shift, sign;  // source element = position * scale + shift + sign * tap
  int source;              // length of the source
  int taps, first, every;  // tap number t is the filter's first + every * t
  int start, step;         // place in the result = start + step * position
};

inline Walk forward_walk(int in, int out, const Sizes& s) {
  return {out, s.stride, -s.pad, 1, in, s.taps, 0, 1, 0, 1};
}

inline Walk backward_walk(int in, int out, const Sizes& s, int remainder) {
  const int positions = in > remainder ? (in - remainder - 1) / s.stride + 1 : 0;
  const int first = (remainder + s.pad) % s.stride;
  const int taps = s.taps > first ? (s.taps - first - 1) / s.stride + 1 : 0;
  return {positions, 1,     (remainder + s.pad) / s.stride, -1,       out, taps,
          first,     s.stride, remainder,                   s.stride};
}

// Which tap the filters have at a place, turned round or not.
__device__ inline int tap_index(int row, int column, const Sizes& s) {
  const int tap = row * s.taps + column;
  return s.flip ? s.taps * s.taps - 1 - tap : tap;
}

// Images on the way into a tile whose columns are (position, image) and whose depth is (tap,
// channel), the channel running fastest.
template <class T, bool Vector>
struct Images {
  static constexpr int kParts = Vector ? 1 : 4;

  const T* source;
  const Walk &down, &across;
  int batch, channels, plane;
  int channel, tap_row, tap_column;
  int top[kParts], left[kParts], image[kParts];
  int at[kParts];  // the element to load next, or -1 for a zero

  __device__ Images(const T* source, const Walk& down, const Walk& across, int batch, int channels,
                    int column, int k)
      : source(source),
        down(down),
        across(across),
        batch(batch),
        channels(channels),
        plane(down.source * across.source * batch),
        channel(k),
        tap_row(across.taps > 0 ? 0 : down.taps),
        tap_column(0) {
    const int columns = down.positions * across.positions * batch;
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const int j = column + part;
      const int position = j / batch;
      image[part] = j - position * batch;
      // A place that no tap leads back into the source from stands for a column of no meaning.
      top[part] = j < columns ? position / across.positions * down.scale + down.shift
                              : -(1 << 29) * down.sign;
      left[part] = position % across.positions * across.scale + across.shift;
    }
    settle();
  }

  __device__ void settle() {
    while (channel >= channels && tap_row < down.taps) {
      channel -= channels;
      if (++tap_column == across.taps) {
        tap_column = 0;
        ++tap_row;
      }
    }
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const int row = top[part] + down.sign * tap_row;
      const int column = left[part] + across.sign * tap_column;
      const bool inside = row >= 0 && row < down.source && column >= 0 && column < across.source &&
                          tap_row < down.taps;
      at[part] = inside ? channel * plane + (row * across.source + column) * batch + image[part]
                        : -1;
    }
  }

  __device__ Four<T> next() {
    Four<T> v = {{0, 0, 0, 0}};
    if constexpr (Vector) {
      if (at[0] >= 0) v = load4(source + at[0]);
    } else {
#pragma unroll
      for (int part = 0; part < kParts; ++part)
        if (at[part] >= 0) v.e[part] = __ldg(source + at[part]);
    }
    channel += kDepth;
    if (channel >= channels) {
      settle();
    } else {
#pragma unroll
      for (int part = 0; part < kParts; ++part)
        if (at[part] >= 0) at[part] += kDepth * plane;
    }
    return v;
  }
};

// Filters on the way into a tile whose rows are the filters (forward) or the channels (gradient by
// the input) and whose depth is (tap, the other of the two).
template <class T, bool Vector, bool Backward>
struct Filters {
  const T* source;
  const Walk &down, &across;
  const Sizes& s;
  int row, k, tap_row, tap_column;
  int at;  // the element to load next, or -1 for zeros

  __device__ Filters(const T* source, const Walk& down, const Walk& across, const Sizes& s, int row,
                     int k)
      : source(source),
        down(down),
        across(across),
        s(s),
        row(row),
        k(k),
        tap_row(across.taps > 0 ? 0 : down.taps),
        tap_column(0) {
    settle();
  }

  __device__ int depth() const { return Backward ? s.filters : s.channels; }

  __device__ void settle() {
    while (k >= depth() && tap_row < down.taps) {
      k -= depth();
      if (++tap_column == across.taps) {
        tap_column = 0;
        ++tap_row;
      }
    }
    at = -1;
    if (tap_row < down.taps && row < (Backward ? s.channels : s.filters)) {
      const int channel = Backward ? row : k, filter = Backward ? k : row;
      const int tap = tap_index(down.first + down.every * tap_row,
                                across.first + across.every * tap_column, s);
      at = (channel * s.taps * s.taps + tap) * s.filters + filter;
    }
  }

  __device__ Four<T> next() {
    Four<T> v = {{0, 0, 0, 0}};
    // The number of filters is a multiple of 16, so four of them never lie over an end.
    if (at >= 0) {
      if constexpr (Vector) {
        v = load4(source + at);
      } else {
#pragma unroll
        for (int q = 0; q < 4; ++q) v.e[q] = __ldg(source + at + q);
      }
    }
    k += kDepth;
    if (k >= depth()) {
      settle();
    } else if (at >= 0) {
      at += Backward ? kDepth : kDepth * s.taps * s.taps * s.filters;
    }
    return v;
  }
};

// Forward: out is the output. Backward: source is the output's gradient, out the input's.
template <class T, int kRows, bool Vector, bool Backward>
__global__ void __launch_bounds__(kThreads, kBlocks<T>)
    convolve(const T* source, const T* filters, T* out, Sizes s, Walk down, Walk across) {
  const int columns = down.positions * across.positions * s.batch;
  const int first_column = blockIdx.x * kColumns, first_row = blockIdx.y * kRows;
  const int height = Backward ? s.channels : s.filters, depth = Backward ? s.filters : s.channels;

  const Spot<kRows, Backward> left_spot;
  const Spot<kColumns, false> right_spot;
  // A thread whose row lies beyond the tile loads nothing.
  Filters<T, Vector, Backward> left(filters, down, across, s,
                                    left_spot.active ? first_row + left_spot.column : height, left_spot.k);
  Images<T, Vector> right(source, down, across, s.batch, depth, first_column + right_spot.column,
                          right_spot.k);
  Tile<T, kRows> tile;
  tile.multiply((down.taps * across.taps * depth + kDepth - 1) / kDepth, left_spot, left,
                right_spot, right);

  const int out_rows = Backward ? s.rows : s.out_rows;
  const int out_columns = Backward ? s.columns : s.out_columns;
  constexpr int kParts = Vector ? 1 : 4;
#pragma unroll
  for (int group = 0; group < 2; ++group)
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const int j = first_column + tile.column(group) + part;
      if (j >= columns) continue;
      const int position = j / s.batch, image = j - position * s.batch;
      const int r = down.start + down.step * (position / across.positions);
      const int c = across.start + across.step * (position % across.positions);
      const int place = (r * out_columns + c) * s.batch + image;
#pragma unroll
      for (int i = 0; i < Tile<T, kRows>::kMine; ++i) {
        const int row = first_row + tile.row(i);
        if (row >= height) continue;
        T* here = out + row * (out_rows * out_columns * s.batch) + place;
        const T* sum = tile.sum[i] + 4 * group;
        if constexpr (Vector) {
          write4(here, {{sum[0], sum[1], sum[2], sum[3]}});
        } else {
          *here = sum[part];
        }
      }
    }
}

// The output's gradient on the way into a tile whose rows are the filters and whose depth is
// (position, image), which lies contiguous in memory.
template <class T, bool Vector>
struct Gradients {
  const T* source;
  int k, end;

  __device__ Gradients(const T* gradients, const Sizes& s, int filter, int begin, int end, int k)
      : source(gradients), k(end), end(end) {
    if (filter >= s.filters) return;
    source += filter * (s.out_rows * s.out_columns * s.batch);
    this->k = begin + k;
  }

  __device__ Four<T> next() {
    Four<T> v = {{0, 0, 0, 0}};
    if constexpr (Vector) {
      if (k < end) v = load4(source + k);
    } else {
#pragma unroll
      for (int q = 0; q < 4; ++q)
        if (k + q < end) v.e[q] = __ldg(source + k + q);
    }
    k += kDepth;
    return v;
  }
};

// Images on the way into a tile whose columns are (channel, tap) and whose depth is (position,
// image).
template <class T, bool Vector>
struct Patches {
  static constexpr int kParts = Vector ? 1 : 4;

  const T* source;
  const Sizes& s;
  int end, tap_row, tap_column;
  int position[kParts], image[kParts], offset[kParts];

  __device__ Patches(const T* images, const Sizes& s, int column, int begin, int end, int k)
      : s(s), end(end) {
    const int taps = s.taps * s.taps;
    const int channel = column / taps;
    const bool any = channel < s.channels;
    source = any ? images + channel * (s.rows * s.columns * s.batch) : images;
    const int tap = s.flip ? taps - 1 - column % taps : column % taps;
    tap_row = tap / s.taps;
    tap_column = tap % s.taps;
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      position[part] = any ? begin : end;
      image[part] = k + part;
      settle(part);
    }
  }

  __device__ void settle(int part) {
    while (image[part] >= s.batch) {
      image[part] -= s.batch;
      ++position[part];
    }
    const int row = position[part] / s.out_columns * s.stride - s.pad + tap_row;
    const int column = position[part] % s.out_columns * s.stride - s.pad + tap_column;
    const bool inside = position[part] < end && row >= 0 && row < s.rows && column >= 0 &&
                        column < s.columns;
    offset[part] = inside ? (row * s.columns + column) * s.batch : -1;
  }

  __device__ Four<T> next() {
    Four<T> v = {{0, 0, 0, 0}};
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      if (offset[part] >= 0) {
        if constexpr (Vector) {
          v = load4(source + offset[part] + image[part]);
        } else {
          v.e[part] = __ldg(source + offset[part] + image[part]);
        }
      }
      image[part] += kDepth;
      if (image[part] >= s.batch) settle(part);
    }
    return v;
  }
};

// The gradient by the filters, summed over partial_sum positions of the output in each block; out
// has one such sum after the other.
template <class T, int kRows, bool Vector>
__global__ void __launch_bounds__(kThreads, kBlocks<T>)
    correlate(const T* images, const T* gradients, T* out, Sizes s, int partial_sum) {
  const int weights = s.channels * s.taps * s.taps;
  const int tiles = (weights + kColumns - 1) / kColumns;
  const int part = blockIdx.x / tiles;
  const int first_column = blockIdx.x % tiles * kColumns, first_row = blockIdx.y * kRows;
  const int begin = part * partial_sum, end = begin + partial_sum;

  const Spot<kRows, true> left_spot;
  const Spot<kColumns, true> right_spot;
  Gradients<T, Vector> left(gradients, s, left_spot.active ? first_row + left_spot.column : s.filters,
                            begin * s.batch, end * s.batch, left_spot.k);
  Patches<T, Vector> right(images, s, first_column + right_spot.column, begin, end, right_spot.k);
  Tile<T, kRows> tile;
  tile.multiply((partial_sum * s.batch + kDepth - 1) / kDepth, left_spot, left, right_spot, right);

  out += static_cast<long long>(part) * weights * s.filters;
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const int column = first_column + tile.column(j / 4) + j % 4;
    if (column >= weights) continue;
#pragma unroll
    for (int i = 0; i < Tile<T, kRows>::kMine; i += Tile<T, kRows>::kGroup) {
      const int row = first_row + tile.row(i);
      if (row >= s.filters) continue;
      T* here = out + column * s.filters + row;
      if constexpr (Vector && Tile<T, kRows>::kGroup == 4) {
        write4(here, {{tile.sum[i][j], tile.sum[i + 1][j], tile.sum[i + 2][j], tile.sum[i + 3][j]}});
      } else {
#pragma unroll
        for (int q = 0; q < Tile<T, kRows>::kGroup; ++q) here[q] = tile.sum[i + q][j];
      }
    }
  }
}

// Add up the partial sums, always in the same order.
template <class T>
__global__ void __launch_bounds__(kThreads)
    add_up(const T* partials, T* out, int count, int parts) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  T sum = 0;
  for (int part = 0; part < parts; ++part) sum += partials[static_cast<long long>(part) * count + i];
  out[i] = sum;
}

}  // namespace nncore
