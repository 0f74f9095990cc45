// Known data sets from their publishers: download, check, unpack.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace amcl {

struct PublishedSet {
  std::string name;    // "cifar10"
  std::string url;     // of the publisher
  std::string sha256;  // of the archive
  int64_t bytes = 0;   // of the archive
  std::string folder;  // that it holds
  std::string layout;  // of the folder (DatasetOptions::layout)
};

const std::vector<PublishedSet>& published_sets();

struct FetchOptions {
  std::string to = ".";       // directory that receives the folder
  std::string from = {};      // an archive that is here already; empty: download
  bool any_checksum = false;  // take another archive than the published one
  std::function<void(int64_t done, int64_t bytes)> progress = {};  // of a download
  // Looks at the unpacked folder before it gets its name: Error, if it is no such set.
  std::function<void(const std::string& folder)> check = {};
};

// Puts the folder of the set into `to` and returns its path; does nothing if it is there. A
// download that was stopped goes on from the archive's name with .partial. Errors: data, if the
// archive is not the published one or is damaged; io, if it cannot be fetched or written.
std::string fetch_set(const PublishedSet& set, const FetchOptions& options);

}  // namespace amcl
