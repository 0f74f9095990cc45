// Unpacks archives of data sets (tar, compressed by gzip): plain files and folders and nothing
// else. It is our own reader because it must refuse, before anything is written, what the program
// tar may do with an archive from elsewhere: paths that leave the directory, links, devices.
#pragma once
#include <cstdint>
#include <string>

namespace amcl {

// Error(data) that names the remedy unless the file begins as gzip does; else as File.
void check_tar_gz(const std::string& archive);

// Unpacks into `directory`, which is made. Every path in the archive must lie in `folder`/. Errors:
// data, for an archive that is damaged, cut short, of another kind or holds anything else, or more
// than `most_bytes`; io, if a file cannot be written.
void unpack_tar_gz(const std::string& archive, const std::string& directory,
                   const std::string& folder, uint64_t most_bytes);

}  // namespace amcl
