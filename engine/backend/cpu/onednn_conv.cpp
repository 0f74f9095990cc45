#include "engine/backend/cpu/onednn_conv.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/core/check.h"

namespace amcl {
namespace {

using dnnl::memory;

// A ResNet-50 has 23 different convolutions of three passes; twice that leaves room for the batch
// sizes of an evaluation.
constexpr size_t kMaxPlans = 160;

constexpr memory::data_type kF32 = memory::data_type::f32;

memory::desc activation(int64_t images, int64_t channels, int64_t height, int64_t width) {
  return {{images, channels, height, width}, kF32, memory::format_tag::nhwc};
}

// Runs `body` and turns oneDNN's exceptions into ours.
template <class Body>
auto with_onednn(const ConvShape& s, const Body& body) {
  try {
    return body();
  } catch (const dnnl::error& error) {
    fail(ErrorKind::device, "conv2d: oneDNN refused x [", s.images, ", ", s.height, ", ", s.width,
         ", ", s.channels, "], w [", s.filters, ", ", s.rows, ", ", s.columns, ", ", s.channels,
         "], stride ", s.stride, ", padding ", s.padding, ": ", error.what());
  }
}

size_t round_up(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace

struct OneDnnConvolutions::Library {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

struct OneDnnConvolutions::Plan {
  Plan(Library& library, ConvPass the_pass, const ConvShape& the_shape);

  // One run: the filter is brought into the primitive's layout first, or its gradient out of it at
  // the end.
  void run(Library& library, float* x, float* w, float* y, Scratch& scratch);

  ConvPass pass;
  ConvShape shape;
  memory::desc x_desc;
  memory::desc y_desc;
  memory::desc plain_filter;  // [K, R, S, C]
  memory::desc filter;        // what the primitive wants
  memory::desc scratchpad;
  dnnl::primitive convolution;
  dnnl::reorder reorder;  // empty if the layouts agree
};

OneDnnConvolutions::Plan::Plan(Library& library, ConvPass the_pass, const ConvShape& the_shape)
    : pass(the_pass),
      shape(the_shape),
      x_desc(activation(shape.images, shape.channels, shape.height, shape.width)),
      y_desc(activation(shape.images, shape.filters, shape.out_height, shape.out_width)),
      plain_filter({shape.filters, shape.channels, shape.rows, shape.columns}, kF32,
                   memory::format_tag::ohwi) {
  const memory::desc any({shape.filters, shape.channels, shape.rows, shape.columns}, kF32,
                         memory::format_tag::any);
  const memory::dims strides{shape.stride, shape.stride};
  const memory::dims padding{shape.padding, shape.padding};
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);

  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, kDirect, x_desc, any, y_desc, strides, padding, padding},
      attributes, library.engine);
  switch (pass) {
    case ConvPass::forward:
      filter = forward.weights_desc();
      scratchpad = forward.scratchpad_desc();
      convolution = dnnl::convolution_forward(forward);
      break;
    case ConvPass::data_gradient: {
      const dnnl::convolution_backward_data::primitive_desc backward(
          {kDirect, x_desc, any, y_desc, strides, padding, padding}, attributes, library.engine,
          forward);
      filter = backward.weights_desc();
      scratchpad = backward.scratchpad_desc();
      convolution = dnnl::convolution_backward_data(backward);
      break;
    }
    case ConvPass::weight_gradient: {
      const dnnl::convolution_backward_weights::primitive_desc backward(
          {kDirect, x_desc, any, y_desc, strides, padding, padding}, attributes, library.engine,
          forward);
      filter = backward.diff_weights_desc();
      scratchpad = backward.scratchpad_desc();
      convolution = dnnl::convolution_backward_weights(backward);
      break;
    }
  }
  if (filter != plain_filter) {
    const bool inwards = pass != ConvPass::weight_gradient;
    reorder = dnnl::reorder(
        dnnl::reorder::primitive_desc(library.engine, inwards ? plain_filter : filter,
                                      library.engine, inwards ? filter : plain_filter));
  }
}

void OneDnnConvolutions::Plan::run(Library& library, float* x, float* w, float* y,
                                   Scratch& scratch) {
  const size_t filter_bytes = reorder ? round_up(filter.get_size()) : 0;
  auto* block = static_cast<std::byte*>(scratch.bytes(filter_bytes + scratchpad.get_size()));
  memory plain(plain_filter, library.engine, w);
  memory used = reorder ? memory(filter, library.engine, block) : plain;
  memory x_memory(x_desc, library.engine, x);
  memory y_memory(y_desc, library.engine, y);
  memory pad(scratchpad, library.engine, block + filter_bytes);

  if (reorder && pass != ConvPass::weight_gradient) reorder.execute(library.stream, plain, used);
  const bool forward = pass == ConvPass::forward;
  convolution.execute(
      library.stream,
      {{pass == ConvPass::data_gradient ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, x_memory},
       {pass == ConvPass::weight_gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, used},
       {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, y_memory},
       {DNNL_ARG_SCRATCHPAD, pad}});
  if (reorder && pass == ConvPass::weight_gradient) reorder.execute(library.stream, used, plain);
  library.stream.wait();
}

OneDnnConvolutions::OneDnnConvolutions() : library_(std::make_unique<Library>()) {}
OneDnnConvolutions::~OneDnnConvolutions() = default;

OneDnnConvolutions::Plan& OneDnnConvolutions::plan(ConvPass pass, const ConvShape& shape) {
  const auto found = std::find_if(plans_.begin(), plans_.end(), [&](const Plan& known) {
    return known.pass == pass && known.shape == shape;
  });
  if (found != plans_.end()) {
    plans_.splice(plans_.begin(), plans_, found);
  } else {
    if (plans_.size() == kMaxPlans) plans_.pop_back();
    plans_.emplace_front(*library_, pass, shape);
  }
  return plans_.front();
}

// oneDNN's memory objects take pointers to mutable data for inputs too.
void OneDnnConvolutions::forward(const ConvShape& shape, const float* x, const float* w, float* y,
                                 Scratch& scratch) {
  with_onednn(shape, [&] {
    plan(ConvPass::forward, shape)
        .run(*library_, const_cast<float*>(x), const_cast<float*>(w), y, scratch);
  });
}

void OneDnnConvolutions::data_gradient(const ConvShape& shape, const float* dy, const float* w,
                                       float* dx, Scratch& scratch) {
  with_onednn(shape, [&] {
    plan(ConvPass::data_gradient, shape)
        .run(*library_, dx, const_cast<float*>(w), const_cast<float*>(dy), scratch);
  });
}

void OneDnnConvolutions::weight_gradient(const ConvShape& shape, const float* x, const float* dy,
                                         float* dw, Scratch& scratch) {
  with_onednn(shape, [&] {
    plan(ConvPass::weight_gradient, shape)
        .run(*library_, const_cast<float*>(x), dw, const_cast<float*>(dy), scratch);
  });
}

}  // namespace amcl
