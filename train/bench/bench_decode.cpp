#include "train/bench/bench_decode.h"

#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "data/decode/decode.h"
#include "data/sources/dataset_options.h"
#include "data/views/augment_policy.h"
#include "data/views/view_maker.h"
#include "engine/core/check.h"
#include "train/bench/bench_rate.h"
#include "train/bench/jpeg_images.h"

namespace amcl {
namespace {

using Record = nlohmann::ordered_json;

// The crop alone: what is done to the colours is measured without files.
AugmentPolicy crop_policy() {
  AugmentPolicy policy;
  policy.flip = 0.0;
  policy.jitter = 0.0;
  policy.grayscale = 0.0;
  return policy;
}

constexpr uint64_t kSeed = 1;

struct Crops {
  int64_t view;  // extent
  bool reduce;   // --reduce-decoding
};

class DecodingBench {
 public:
  DecodingBench(Backend& backend, Dataset dataset, int64_t workers, double seconds)
      : backend_(backend), workers_(workers), seconds_(seconds), dataset_(std::move(dataset)) {}

  Record whole() const {
    const auto decode = [this](uint32_t, double seconds) {
      return decode_all(seconds, 1, [](const ViewParameters&) {
        return ImageBox{0, 0, kJpegHeight, kJpegWidth};
      });
    };
    Record record = rates("jpeg_whole", {kJpegHeight, kJpegWidth}, decode);
    add_floor(record, floor_microseconds(/*to_the_end=*/true));
    return record;
  }

  Record crops(const Crops& crops) {
    const std::string name = concat_text("jpeg_crop_", crops.view, crops.reduce ? "_reduced" : "");
    dataset_.size = crops.view;
    dataset_.reduce_decoding = crops.reduce;
    Record record = rates(name, {crops.view, crops.view}, [this](uint32_t thread, double seconds) {
      return make_views(thread, seconds);
    });
    record["reduced_share"] = reduced_share();
    add_floor(record, floor_microseconds(/*to_the_end=*/false));
    return record;
  }

  // Of files that hold JPEG images or pixels.
  Record files(const std::string& name, bool encoded) {
    dataset_.size = kFileViewSize;
    Record record = rates(name, dataset_.view_extent(), [this](uint32_t thread, double seconds) {
      return make_views(thread, seconds);
    });
    record["reading_microseconds"] =
        1e6 / median_rate(seconds_ / 4.0, [this](double time) { return read_all(time); });
    const ViewTraffic traffic = {
        .image_bytes = static_cast<size_t>(mean_image_bytes()),
        .images = dataset_.count(),
        .view_bytes = static_cast<size_t>(kFileViewSize * kFileViewSize * 3) * sizeof(float)};
    record["floor_bytes"] =
        traffic.view_bytes + (encoded ? traffic.image_bytes : traffic.crop_bytes());
    add_floor(record, encoded ? floor_microseconds(/*to_the_end=*/false)
                              : copying_microseconds(traffic, seconds_ / 4.0));
    return record;
  }

 private:
  // Images follow each other in steps that meet all of them.
  int64_t sample(int64_t number) const { return number * 37 % dataset_.count(); }
  uint32_t epoch(int64_t number) const { return static_cast<uint32_t>(number / dataset_.count()); }
  ViewParameters draw(int64_t number) const {
    return policy_.draw(kSeed, epoch(number), sample(number), 0, kJpegHeight, kJpegWidth);
  }

  // As the loader makes them, one after the other.
  int64_t make_views(uint32_t thread, double seconds) const {
    ViewMaker maker(backend_, dataset_, policy_, kSeed);
    const int64_t view = dataset_.size;
    Tensor rows[] = {Tensor::empty(backend_, {1, view, view, 3}, DType::f32)};
    int64_t made = 0;
    for (const Stopwatch time; time.seconds() < seconds; ++made) {
      const int64_t number = made + dataset_.count() * 1000 * int64_t{thread};
      const int64_t image = sample(number);
      AMCL_CHECK(maker.make(epoch(number), {&image, 1}, rows).empty(), "bench: image ", image,
                 " cannot be read");
    }
    return made;
  }

  // Decodes box_of(view) of image after image.
  template <class BoxOf>
  int64_t decode_all(double seconds, int64_t reduction, const BoxOf& box_of) const {
    ImageDecoder decoder;
    DecodedImage image;
    std::vector<uint8_t> unused;
    int64_t made = 0;
    for (const Stopwatch time; time.seconds() < seconds; ++made)
      decoder.decode(dataset_.files->content(sample(made), unused), box_of(draw(made)), reduction,
                     image);
    return made;
  }

  int64_t read_all(double seconds) const {
    std::vector<uint8_t> buffer;
    int64_t made = 0;
    for (const Stopwatch time; time.seconds() < seconds; ++made)
      dataset_.files->content(sample(made), buffer);
    return made;
  }

  // At 1/8 there is next to nothing to do but entropy decoding.
  double floor_microseconds(bool to_the_end) const {
    constexpr int64_t kReduction = 8;
    const auto above_end = [&](const ViewParameters& view) {
      return ImageBox{0, 0, to_the_end ? kJpegHeight : view.top + view.height, kJpegWidth};
    };
    return 1e6 / median_rate(seconds_ / 4.0,
                             [&](double time) { return decode_all(time, kReduction, above_end); });
  }

  // Of the views, how many are decoded at 1/2 or less.
  double reduced_share() const {
    constexpr int64_t kDrawn = 10'000;
    int64_t reduced = 0;
    for (int64_t number = 0; number < kDrawn; ++number) {
      const ViewParameters view = draw(number);
      const ImageRequest request =
          request_for({&view, 1}, dataset_.view_extent(), dataset_.reduce_decoding);
      if (request.reduction > 1) ++reduced;
    }
    return static_cast<double>(reduced) / kDrawn;
  }

  Record rates(const std::string& name, const ImageExtent& view,
               const std::function<int64_t(uint32_t, double)>& work) const {
    const double one = median_rate(seconds_, [&](double time) { return work(0, time); });
    const double all =
        median_rate(seconds_, [&](double time) { return work_in_threads(workers_, time, work); });
    Record record;
    record["case"] = name;
    record["device"] = backend_.name();
    const ImageExtent known = dataset_.files->known_extent(0);
    record["image"] = {known.height > 0 ? known.height : kJpegHeight,
                       known.width > 0 ? known.width : kJpegWidth};
    record["image_bytes"] = mean_image_bytes();
    record["view"] = {view.height, view.width};
    record["views_per_s_per_core"] = one;
    record["microseconds_per_view"] = 1e6 / one;
    record["workers"] = workers_;
    record["views_per_s"] = all;
    return record;
  }

  static void add_floor(Record& record, double microseconds) {
    record["floor_microseconds"] = microseconds;
    record["share_of_floor"] = microseconds / record["microseconds_per_view"].get<double>();
  }

  int64_t mean_image_bytes() const {
    std::vector<uint8_t> unused;
    int64_t bytes = 0;
    for (int64_t index = 0; index < dataset_.count(); ++index)
      bytes += std::ssize(dataset_.files->content(index, unused).bytes);
    return bytes / dataset_.count();
  }

  Backend& backend_;
  int64_t workers_;
  double seconds_;
  AugmentPolicy policy_ = crop_policy();
  Dataset dataset_;
};

}  // namespace

void bench_decoding(Backend& backend, int64_t workers, double seconds, std::ostream& out) {
  DecodingBench bench(backend, jpeg_images_in_memory(), workers, seconds);
  out << bench.whole().dump() << std::endl;
  for (const int64_t view : {224, 96})
    for (const bool reduce : {false, true})
      out << bench.crops({.view = view, .reduce = reduce}).dump() << std::endl;
}

void bench_files(Backend& backend, int64_t workers, double seconds, std::ostream& out) {
  const JpegFiles images(backend);
  const auto print = [&](const std::string& name, const Dataset& dataset, bool encoded) {
    out << DecodingBench(backend, dataset, workers, seconds).files(name, encoded).dump()
        << std::endl;
  };
  print("files_loose_224", images.open_folder(), /*encoded=*/true);
  print("files_packed_224", images.open_packed(0), /*encoded=*/true);
  print("files_packed_u8_224", images.open_packed(256), /*encoded=*/false);
}

}  // namespace amcl
