// What the kernels need of the machine: CUDA's own headers, or an emulation of its execution model.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>

namespace nncore {

using Stream = cudaStream_t;

// Start a kernel; the result is a message, or nullptr if all is well.
template <class... Parameters>
const char* launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, Stream stream,
                   Parameters... arguments) {
  kernel<<<grid, threads, 0, stream>>>(arguments...);
  const cudaError_t status = cudaGetLastError();
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

}  // namespace nncore
#else
#include "emulation.h"
#endif

namespace nncore {

template <class T>
struct Four {
  T e[4];
};

// Four elements in one access of 16 bytes (two for doubles); the address is a multiple of that.
__device__ inline Four<float> load4(const float* p) {
  const float4 v = __ldg(reinterpret_cast<const float4*>(p));
  return {{v.x, v.y, v.z, v.w}};
}

__device__ inline Four<double> load4(const double* p) {
  const double2 v = __ldg(reinterpret_cast<const double2*>(p));
  const double2 w = __ldg(reinterpret_cast<const double2*>(p) + 1);
  return {{v.x, v.y, w.x, w.y}};
}

__device__ inline Four<float> read4(const float* p) {
  const float4 v = *reinterpret_cast<const float4*>(p);
  return {{v.x, v.y, v.z, v.w}};
}

__device__ inline Four<double> read4(const double* p) {
  const double2 v = *reinterpret_cast<const double2*>(p);
  const double2 w = *(reinterpret_cast<const double2*>(p) + 1);
  return {{v.x, v.y, w.x, w.y}};
}

__device__ inline void write4(float* p, const Four<float>& v) {
  *reinterpret_cast<float4*>(p) = make_float4(v.e[0], v.e[1], v.e[2], v.e[3]);
}

__device__ inline void write4(double* p, const Four<double>& v) {
  *reinterpret_cast<double2*>(p) = make_double2(v.e[0], v.e[1]);
  *(reinterpret_cast<double2*>(p) + 1) = make_double2(v.e[2], v.e[3]);
}

}  // namespace nncore
