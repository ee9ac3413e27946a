// A block's part of a matrix product: 256 threads, double-buffered in shared memory.
//
// A block computes kRows x 128 elements of out[m][n] = sum over k of left[k][m] * right[k][n],
// eight values of k at a time. A thread holds 8 columns in two groups of four, and 8, 4 or 2 rows.
#pragma once

#include "device.h"

namespace nncore {

constexpr int kThreads = 256;
constexpr int kColumns = 128;
constexpr int kDepth = 8;

// Blocks that a multiprocessor is to hold at once, which limits a thread to 128 registers for
// floats; a tile of doubles needs more.
template <class T>
constexpr int kBlocks = sizeof(T) == 4 ? 2 : 1;

// Where in its operand's tile a thread loads four elements: side by side along the tile's width,
// or along k if that is the axis that lies contiguous in memory.
template <int Width, bool AlongK>
struct Spot {
  int column, k;
  bool active;

  __device__ Spot() {
    const int t = threadIdx.x;
    column = AlongK ? t / 2 : t % (Width / 4) * 4;
    k = AlongK ? t % 2 * 4 : t / (Width / 4);
    active = t < 2 * Width;
  }

  template <class T>
  __device__ void put(T (*tile)[Width + 4], const Four<T>& v) const {
    if (!active) return;
    if (AlongK) {
      for (int q = 0; q < 4; ++q) tile[k + q][column] = v.e[q];
    } else {
      write4(&tile[k][column], v);
    }
  }
};

template <class T, int kRows>
struct Tile {
  static constexpr int kMine = kRows / 16;
  // Rows in groups of four, or the only two.
  static constexpr int kGroup = kMine < 4 ? kMine : 4;

  T sum[kMine][8];

  __device__ int row(int i) const {
    return static_cast<int>(threadIdx.x) / 16 * kGroup + i / kGroup * 64 + i % kGroup;
  }

  __device__ int column(int group) const {
    return static_cast<int>(threadIdx.x) % 16 * 4 + group * 64;
  }

  template <bool LeftAlongK, bool RightAlongK, class Left, class Right>
  __device__ void multiply(int steps, const Spot<kRows, LeftAlongK>& left_spot, Left& left,
                           const Spot<kColumns, RightAlongK>& right_spot, Right& right) {
    __shared__ __align__(16) T a[2][kDepth][kRows + 4];
    __shared__ __align__(16) T b[2][kDepth][kColumns + 4];
#pragma unroll
    for (int i = 0; i < kMine; ++i)
#pragma unroll
      for (int j = 0; j < 8; ++j) sum[i][j] = 0;
    if (steps == 0) return;
    left_spot.put(a[0], left.next());
    right_spot.put(b[0], right.next());
    __syncthreads();
    for (int step = 0; step < steps; ++step) {
      const int now = step & 1;
      const bool more = step + 1 < steps;
      Four<T> next_left, next_right;
      if (more) {
        // They arrive from global memory while the products are computed.
        next_left = left.next();
        next_right = right.next();
      }
#pragma unroll
      for (int k = 0; k < kDepth; ++k) accumulate(a[now][k], b[now][k]);
      if (more) {
        left_spot.put(a[1 - now], next_left);
        right_spot.put(b[1 - now], next_right);
        __syncthreads();
      }
    }
  }

 private:
  __device__ void accumulate(const T* a, const T* b) {
    T mine[kMine];
    const Four<T> low = read4(b + column(0)), high = read4(b + column(1));
#pragma unroll
    for (int i = 0; i < kMine; i += kGroup) {
      if constexpr (kGroup == 4) {
        const Four<T> rows = read4(a + row(i));
#pragma unroll
        for (int q = 0; q < 4; ++q) mine[i + q] = rows.e[q];
      } else {
#pragma unroll
        for (int q = 0; q < kGroup; ++q) mine[i + q] = a[row(i + q)];
      }
    }
#pragma unroll
    for (int i = 0; i < kMine; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        sum[i][j] += mine[i] * low.e[j];
        sum[i][4 + j] += mine[i] * high.e[j];
      }
  }
};

}  // namespace nncore
