// CUDA's execution model on a CPU, for tests: the kernels' own code runs without a GPU.
//
// The threads of a block are fibers of one thread of the operating system. A fiber that comes to
// __syncthreads() waits until every thread of its block has come there. In every other round the
// fibers go on in the opposite order, so that a missing barrier gives wrong numbers here too.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct alignas(16) float4 {
  float x, y, z, w;
};

struct alignas(16) double2 {
  double x, y;
};

inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }

template <class T>
T __ldg(const T* p) {
  return *p;
}

inline thread_local dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace nncore {

struct Stream {};

class Block {
 public:
  static Block& current() {
    static thread_local Block block;
    return block;
  }

  // Run one block; false if only some of its threads came to a barrier.
  template <class Body>
  bool run(unsigned threads, const Body& body) {
    body_ = [](const void* b) { (*static_cast<const Body*>(b))(); };
    argument_ = &body;
    threads_ = threads;
    next_ = 0;
    waiting_.clear();
    // A fiber that meets no barrier takes the next thread, and the next.
    for (std::size_t used = 0; next_ < threads_; ++used) resume(fresh(used));
    for (bool backwards = true; !waiting_.empty(); backwards = !backwards) {
      if (waiting_.size() != threads_) return false;
      std::vector<Fiber*> round;
      round.swap(waiting_);
      if (backwards) std::reverse(round.begin(), round.end());
      for (Fiber* fiber : round) resume(fiber);
    }
    return true;
  }

  void wait() {
    Fiber* fiber = running_;
    const dim3 mine = threadIdx;
    waiting_.push_back(fiber);
    swapcontext(&fiber->context, &scheduler_);
    threadIdx = mine;
  }

 private:
  struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
  };

  static constexpr std::size_t kStack = 128 * 1024;

  Fiber* fresh(std::size_t index) {
    if (index == fibers_.size()) {
      fibers_.push_back(std::make_unique<Fiber>());
      fibers_.back()->stack.reset(new char[kStack]);
    }
    Fiber* fiber = fibers_[index].get();
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack.get();
    fiber->context.uc_stack.ss_size = kStack;
    fiber->context.uc_link = &scheduler_;
    makecontext(&fiber->context, &Block::enter, 0);
    return fiber;
  }

  static void enter() {
    Block& block = current();
    while (block.next_ < block.threads_) {
      threadIdx = dim3(block.next_++, 0, 0);
      block.body_(block.argument_);
    }
  }

  void resume(Fiber* fiber) {
    running_ = fiber;
    swapcontext(&scheduler_, &fiber->context);
  }

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> waiting_;
  ucontext_t scheduler_;
  Fiber* running_ = nullptr;
  void (*body_)(const void*) = nullptr;
  const void* argument_ = nullptr;
  unsigned threads_ = 0, next_ = 0;
};

template <class... Parameters>
const char* launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, Stream,
                   Parameters... arguments) {
  gridDim = grid;
  blockDim = dim3(threads);
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = dim3(x, y, z);
        if (!Block::current().run(threads, [&] { kernel(arguments...); }))
          return "only some threads of a block came to __syncthreads()";
      }
  return nullptr;
}

}  // namespace nncore

#ifdef NNCORE_WITHOUT_BARRIERS
// For the test that shows that the barriers are real: without them the results are wrong.
inline void __syncthreads() {}
#else
inline void __syncthreads() { nncore::Block::current().wait(); }
#endif
