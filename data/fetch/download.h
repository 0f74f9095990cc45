// Downloads by the program curl, so that proxies, certificates and every kind of URL are its
// matter.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace amcl {

// Fetches `url` into `file` and goes on where an earlier download stopped. `progress` is called now
// and then with the bytes that are there. Error(io) with curl's reason; what has come stays.
void download(const std::string& url, const std::string& file,
              const std::function<void(int64_t bytes)>& progress);

}  // namespace amcl
