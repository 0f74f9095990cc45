// An open file and its name: reads and writes that complete or throw an Error naming the path and
// the system's reason.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace amcl {

class File {
 public:
  // An existing regular file. Error(missing) if there is none, Error(data) if it is a directory or
  // device, Error(io) if it may not be read.
  static File open_for_reading(const std::string& path);
  // Created if there is none; content is kept. Error(io), also if it is a symbolic link.
  static File open_for_writing(const std::string& path);
  // The same, locked as by try_lock(): a temporary file that is renamed when it is complete. Error(io)
  // too if another process holds it.
  static File open_exclusively(const std::string& path);

  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  ~File();

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  int64_t size() const;  // bytes

  // Fills `bytes` from the current position; Error(data) if the file ends before.
  void read(std::span<std::byte> bytes);
  // Fills `bytes` from `offset` on, for several threads at once; the current position stays. Errors
  // as read().
  void read_at(int64_t offset, std::span<std::byte> bytes) const;
  // Appends all of `bytes` at the current position; Error(io).
  void write(std::span<const std::byte> bytes);
  // Over what is there; the current position stays; Error(io).
  void write_at(int64_t offset, std::span<const std::byte> bytes);
  // Cuts the file off and continues there; Error(io).
  void truncate(int64_t size);
  // Waits until the content has reached the disk; Error(io).
  void sync();
  // Takes an exclusive lock that ends with this object or the process; false if another holds it.
  // Where the file system has no locks (some network mounts), true.
  bool try_lock();
  // Whether `path()` still names this very file (another process may have renamed it).
  bool still_in_place() const;

 private:
  File(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_ = -1;
};

// Waits until the names in the directory that holds `path` have reached the disk; Error(io).
void sync_directory_of(const std::string& path);

// Gives a file its final name, over a file that has it; Error(io). sync_directory_of() makes it last.
void rename_over(const std::string& from, const std::string& to);

// Throws Error(io): "cannot write PATH: reason; remedy", with the system's error number.
[[noreturn]] void fail_writing(const std::string& path, int error_number);

}  // namespace amcl
