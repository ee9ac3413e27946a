"""The emulation of CUDA's execution model is what makes the other tests worth something."""

from __future__ import annotations

import subprocess

import pytest

from nncore_cuda_convnet import library
from nncore_cuda_convnet.compilers import BuildError, host_compiler

PROGRAM = r"""
#include <cstdio>
#include <vector>
#include "device.h"

// Adds up a block's numbers in shared memory, as only threads that wait for each other can.
__global__ void add(const int* numbers, int* sums) {
  __shared__ int shared[64];
  const int t = threadIdx.x;
  shared[t] = numbers[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + t];
  __syncthreads();
  for (int half = 32; half > 0; half /= 2) {
    int other = t < half ? shared[t + half] : 0;
    __syncthreads();
    shared[t] += other;
    __syncthreads();
  }
  if (t == 0) sums[blockIdx.y * gridDim.x + blockIdx.x] = shared[0];
}

// Every thread passes its number to the next one, which went before it or goes after it.
__global__ void pass(int* numbers) {
  __shared__ int shared[64];
  for (int round = 0; round < 3; ++round) {
    shared[threadIdx.x] = numbers[threadIdx.x];
    __syncthreads();
    numbers[threadIdx.x] = shared[(threadIdx.x + 63) % 64];
    __syncthreads();
  }
}

__global__ void part() {
  if (threadIdx.x < 5) __syncthreads();
}

int main() {
  std::vector<int> numbers(64 * 6), sums(6), ring(64);
  for (int i = 0; i < 64 * 6; ++i) numbers[i] = i;
  for (int i = 0; i < 64; ++i) ring[i] = i;
  const char* first = nncore::launch(add, dim3(3, 2), 64, nncore::Stream{},
                                     static_cast<const int*>(numbers.data()), sums.data());
  const char* second = nncore::launch(pass, dim3(1), 64, nncore::Stream{}, ring.data());
  const char* third = nncore::launch(part, dim3(2), 64, nncore::Stream{});
  // A block that broke off does not spoil the next.
  const char* fourth = nncore::launch(add, dim3(3, 2), 64, nncore::Stream{},
                                      static_cast<const int*>(numbers.data()), sums.data());
  for (int sum : sums) std::printf("%d ", sum);
  std::printf("\n");
  for (int number : ring) std::printf("%d ", number);
  std::printf("\n%d %d %s %d\n", first == nullptr, second == nullptr, third ? third : "", !fourth);
}
"""


def run(folder, *flags):
    try:
        compiler = host_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    (folder / "program.cpp").write_text(PROGRAM)
    command = [compiler.path, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", *flags]
    command += ["-I", str(library._SOURCES), str(folder / "program.cpp"), "-o", str(folder / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = subprocess.run(
        [folder / "run"], capture_output=True, text=True, timeout=60, check=True
    )
    sums, ring, messages = result.stdout.splitlines()
    return [int(n) for n in sums.split()], [int(n) for n in ring.split()], messages


SUMS = [sum(range(64 * block, 64 * (block + 1))) for block in range(6)]
RING = [(i - 3) % 64 for i in range(64)]


def test_threads_wait_for_each_other_at_a_barrier(tmp_path):
    sums, ring, messages = run(tmp_path)
    assert sums == SUMS
    assert ring == RING
    assert messages == "1 1 only some threads of a block came to __syncthreads() 1"


def test_without_barriers_the_results_are_wrong(tmp_path):
    sums, ring, _ = run(tmp_path, "-DNNCORE_WITHOUT_BARRIERS")
    assert all(one != other for one, other in zip(sums, SUMS, strict=True))
    assert ring != RING
