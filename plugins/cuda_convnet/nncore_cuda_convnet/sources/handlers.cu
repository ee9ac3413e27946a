// What XLA calls: handlers of its foreign-function interface around the kernels.

#include <cstdint>
#include <string>

#include "convolution.h"
#include "pooling.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

#ifdef __CUDACC__
using StreamContext = ffi::PlatformStream<nncore::Stream>;
#else
namespace xla::ffi {
// The emulation has no streams; its handlers get an empty one.
template <>
struct CtxDecoding<nncore::Stream> {
  using Type = nncore::Stream;
  static std::optional<Type> Decode(const XLA_FFI_Api*, XLA_FFI_ExecutionContext*,
                                    DiagnosticEngine&) {
    return Type{};
  }
};
}  // namespace xla::ffi
using StreamContext = nncore::Stream;
#endif

namespace nncore {
namespace {

ffi::Error result(const char* message) {
  if (message == nullptr) return ffi::Error::Success();
  return ffi::Error(ffi::ErrorCode::kInternal, std::string("nncore-cuda-convnet: ") + message);
}

int blocks(int count, int size) { return (count + size - 1) / size; }

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

// Call `body` with a value of the buffers' type.
template <class Body>
ffi::Error by_type(ffi::DataType type, Body body) {
  if (type == ffi::F32) return result(body(float{}));
  if (type == ffi::F64) return result(body(double{}));
  return result("the type is neither float32 nor float64");
}

template <int N>
struct Number {
  static constexpr int value = N;
};

// Call `body` with the height of the tiles for a number of rows, and with whether four elements
// are moved at once. The highest tiles leave no registers for anything but floats in fours.
template <class T, class Body>
const char* by_shape(int rows, bool vector, Body body) {
  if constexpr (sizeof(T) == 4)
    if (rows > 64 && vector) return body(Number<128>{}, Number<1>{});
  if (rows > 32) return vector ? body(Number<64>{}, Number<1>{}) : body(Number<64>{}, Number<0>{});
  return vector ? body(Number<32>{}, Number<1>{}) : body(Number<32>{}, Number<0>{});
}

Sizes sizes(ffi::AnyBuffer::Dimensions images, ffi::AnyBuffer::Dimensions filters,
            ffi::AnyBuffer::Dimensions output, int stride, int pad, bool flip) {
  const auto n = [](std::int64_t size) { return static_cast<int>(size); };
  return {n(images[3]), n(images[0]), n(filters[3]), n(images[1]), n(images[2]),
          n(output[1]), n(output[2]), n(filters[1]), stride,       pad,
          flip};
}

ffi::Error conv_forward(Stream stream, ffi::AnyBuffer images, ffi::AnyBuffer filters,
                        ffi::Result<ffi::AnyBuffer> output, int stride, int pad, bool flip) {
  const Sizes s = sizes(images.dimensions(), filters.dimensions(), output->dimensions(), stride,
                        pad, flip);
  return by_type(images.element_type(), [&](auto zero) {
    using T = decltype(zero);
    const T *x = images.reinterpret_data<T>(), *w = filters.reinterpret_data<T>();
    T* y = output->reinterpret_data<T>();
    const bool vector = s.batch % 4 == 0 && aligned(x) && aligned(w) && aligned(y);
    return by_shape<T>(s.filters, vector, [&](auto rows, auto vectors) {
      const dim3 grid(blocks(s.out_rows * s.out_columns * s.batch, kColumns),
                      blocks(s.filters, rows.value));
      return launch(convolve<T, decltype(rows)::value, decltype(vectors)::value, false>, grid,
                    kThreads, stream, x, w, y, s, forward_walk(s.rows, s.out_rows, s),
                    forward_walk(s.columns, s.out_columns, s));
    });
  });
}

ffi::Error conv_grad_input(Stream stream, ffi::AnyBuffer filters, ffi::AnyBuffer gradients,
                           ffi::Result<ffi::AnyBuffer> output, int stride, int pad, bool flip) {
  const Sizes s = sizes(output->dimensions(), filters.dimensions(), gradients.dimensions(), stride,
                        pad, flip);
  return by_type(filters.element_type(), [&](auto zero) {
    using T = decltype(zero);
    const T *w = filters.reinterpret_data<T>(), *gy = gradients.reinterpret_data<T>();
    T* gx = output->reinterpret_data<T>();
    const bool vector = s.batch % 4 == 0 && aligned(w) && aligned(gy) && aligned(gx);
    return by_shape<T>(s.channels, vector, [&](auto rows, auto vectors) {
      for (int remainder = 0; remainder < s.stride * s.stride; ++remainder) {
        const Walk down = backward_walk(s.rows, s.out_rows, s, remainder / s.stride);
        const Walk across = backward_walk(s.columns, s.out_columns, s, remainder % s.stride);
        const int columns = down.positions * across.positions * s.batch;
        if (columns == 0) continue;
        const char* message =
            launch(convolve<T, decltype(rows)::value, decltype(vectors)::value, true>,
                   dim3(blocks(columns, kColumns), blocks(s.channels, rows.value)), kThreads,
                   stream, gy, w, gx, s, down, across);
        if (message != nullptr) return message;
      }
      return static_cast<const char*>(nullptr);
    });
  });
}

ffi::Error conv_grad_filters(Stream stream, ffi::AnyBuffer images, ffi::AnyBuffer gradients,
                             ffi::Result<ffi::AnyBuffer> output,
                             ffi::Result<ffi::AnyBuffer> partials, int stride, int pad, bool flip,
                             int partial_sum) {
  const Sizes s = sizes(images.dimensions(), output->dimensions(), gradients.dimensions(), stride,
                        pad, flip);
  return by_type(images.element_type(), [&](auto zero) {
    using T = decltype(zero);
    const T *x = images.reinterpret_data<T>(), *gy = gradients.reinterpret_data<T>();
    T* gw = output->reinterpret_data<T>();
    const int parts = s.out_rows * s.out_columns / partial_sum;
    const int weights = s.channels * s.taps * s.taps;
    T* sums = parts > 1 ? partials->reinterpret_data<T>() : gw;
    const bool vector = s.batch % 4 == 0 && aligned(x) && aligned(gy) && aligned(sums);
    const char* message = by_shape<T>(s.filters, vector, [&](auto rows, auto vectors) {
      const dim3 grid(blocks(weights, kColumns) * parts, blocks(s.filters, rows.value));
      return launch(correlate<T, decltype(rows)::value, decltype(vectors)::value>, grid, kThreads,
                    stream, x, gy, sums, s, partial_sum);
    });
    if (message != nullptr || parts == 1) return message;
    const int count = weights * s.filters;
    return launch(add_up<T>, dim3(blocks(count, kThreads)), kThreads, stream,
                  static_cast<const T*>(sums), gw, count, parts);
  });
}

Pool pool(ffi::AnyBuffer::Dimensions input, ffi::AnyBuffer::Dimensions output, int window_rows,
          int window_columns, int stride_rows, int stride_columns, int pad_rows, int pad_columns) {
  const auto n = [](std::int64_t size) { return static_cast<int>(size); };
  return {n(input[3]),    n(input[0]),     n(input[1]),    n(input[2]),
          n(output[1]),   n(output[2]),    window_rows,    window_columns,
          stride_rows,    stride_columns,  pad_rows,       pad_columns};
}

ffi::Error max_pool_take(Stream stream, ffi::AnyBuffer input, ffi::AnyBuffer values,
                         ffi::Result<ffi::AnyBuffer> output, int window_rows, int window_columns,
                         int stride_rows, int stride_columns, int pad_rows, int pad_columns) {
  const Pool p = pool(input.dimensions(), output->dimensions(), window_rows, window_columns,
                      stride_rows, stride_columns, pad_rows, pad_columns);
  return by_type(input.element_type(), [&](auto zero) {
    using T = decltype(zero);
    const T *x = input.reinterpret_data<T>(), *v = values.reinterpret_data<T>();
    T* y = output->reinterpret_data<T>();
    const int count = static_cast<int>(output->element_count());
    if (p.batch % 4 == 0 && aligned(x))
      return launch(pool_take<T, true>, dim3(blocks(count / 4, kPoolThreads)), kPoolThreads, stream,
                    x, v, y, p);
    return launch(pool_take<T, false>, dim3(blocks(count, kPoolThreads)), kPoolThreads, stream, x,
                  v, y, p);
  });
}

ffi::Error max_pool_spread(Stream stream, ffi::AnyBuffer input, ffi::AnyBuffer gradients,
                           ffi::Result<ffi::AnyBuffer> output,
                           ffi::Result<ffi::Buffer<ffi::S32>> winners, int window_rows,
                           int window_columns, int stride_rows, int stride_columns, int pad_rows,
                           int pad_columns) {
  const Pool p = pool(input.dimensions(), gradients.dimensions(), window_rows, window_columns,
                      stride_rows, stride_columns, pad_rows, pad_columns);
  return by_type(input.element_type(), [&](auto zero) {
    using T = decltype(zero);
    const T *x = input.reinterpret_data<T>(), *gy = gradients.reinterpret_data<T>();
    T* gx = output->reinterpret_data<T>();
    int* where = winners->typed_data();
    const int windows = static_cast<int>(gradients.element_count());
    const int count = static_cast<int>(input.element_count());
    const char* message =
        p.batch % 4 == 0 && aligned(x)
            ? launch(pool_winners<T, true>, dim3(blocks(windows / 4, kPoolThreads)), kPoolThreads,
                     stream, x, where, p)
            : launch(pool_winners<T, false>, dim3(blocks(windows, kPoolThreads)), kPoolThreads,
                     stream, x, where, p);
    if (message != nullptr) return message;
    return launch(pool_spread<T>, dim3(blocks(count, kPoolThreads)), kPoolThreads, stream,
                  static_cast<const int*>(where), gy, gx, p);
  });
}

}  // namespace
}  // namespace nncore

#define NNCORE_CONV                 \
  .Attr<std::int32_t>("stride")     \
      .Attr<std::int32_t>("pad")    \
      .Attr<bool>("flip")

#define NNCORE_POOL                          \
  .Attr<std::int32_t>("window_rows")         \
      .Attr<std::int32_t>("window_columns")  \
      .Attr<std::int32_t>("stride_rows")     \
      .Attr<std::int32_t>("stride_columns")  \
      .Attr<std::int32_t>("pad_rows")        \
      .Attr<std::int32_t>("pad_columns")

// Nothing but launches happens in them, so XLA may record them into a graph of commands.
#define NNCORE_HANDLER(name, function, binding)                               \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, nncore::function,                       \
                                ffi::Ffi::Bind().Ctx<StreamContext>() binding, \
                                {ffi::Traits::kCmdBufferCompatible})

NNCORE_HANDLER(nncore_cuda_convnet_conv_forward, conv_forward,
               .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>() NNCORE_CONV);
NNCORE_HANDLER(nncore_cuda_convnet_conv_grad_input, conv_grad_input,
               .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>() NNCORE_CONV);
NNCORE_HANDLER(nncore_cuda_convnet_conv_grad_filters, conv_grad_filters,
               .Arg<ffi::AnyBuffer>()
                   .Arg<ffi::AnyBuffer>()
                   .Ret<ffi::AnyBuffer>()
                   .Ret<ffi::AnyBuffer>() NNCORE_CONV.Attr<std::int32_t>("partial_sum"));
NNCORE_HANDLER(nncore_cuda_convnet_max_pool_take, max_pool_take,
               .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>() NNCORE_POOL);
NNCORE_HANDLER(nncore_cuda_convnet_max_pool_spread, max_pool_spread,
               .Arg<ffi::AnyBuffer>()
                   .Arg<ffi::AnyBuffer>()
                   .Ret<ffi::AnyBuffer>()
                   .Ret<ffi::Buffer<ffi::S32>>() NNCORE_POOL);
