// Memory that processes share: a file of tmpfs, named (/dev/shm) or not (memfd_create(2)), mapped.
// A region that can be opened is whole: its size is final and all of its space reserved, because a
// page that cannot be had is SIGBUS to whoever touches it. Functions return 0 or the errno.
#pragma once

#include <atomic>
#include <cstddef>

#include "core/base/ref.h"

namespace moirai {

// An owned mapping and the descriptor that it came from. Views of it may outlast the region's
// handle, so it lives as long as anyone counts on it; the file is closed with the handle.
class RegionMapping : public RefCounted<RegionMapping> {
 public:
  RegionMapping(void* start, std::size_t bytes, int file);
  ~RegionMapping();
  RegionMapping(const RegionMapping&) = delete;
  RegionMapping& operator=(const RegionMapping&) = delete;

  void* start() const { return start_; }
  std::size_t bytes() const { return bytes_; }
  void CloseFile();

 private:
  void* const start_;
  const std::size_t bytes_;
  std::atomic<int> file_;
};

// A file without a name, of `bytes` bytes, nothing reserved yet. With `directory` it is made there
// and can be published; without, it is a memfd that can neither shrink nor grow.
int CreateRegionFile(const char* directory, std::size_t bytes, int* file);
// Reserves all of its space: ENOSPC or ENOMEM where it is not there.
int ReserveRegion(int file, std::size_t bytes);
// Gives it its name; EEXIST when there is one.
int PublishRegion(int file, const char* path);
int OpenRegionFile(const char* path, int* file);
// The same file once more, as an open file description of its own, with locks of its own.
int ReopenRegionFile(int file, int* again);
void CloseRegionFile(int file);
// Takes the name away if it is the name of this file.
void UnlinkRegion(int file, const char* path);

struct RegionFacts {
  bool in_memory = false;  // A regular file of tmpfs.
  bool own = false;        // This process's user's.
  bool open_to_others = false;
  std::size_t bytes = 0;
};
int InspectRegion(int file, RegionFacts* facts);

// Takes the file over, also when it fails.
int MapRegion(int file, std::size_t bytes, Ref<RegionMapping>* mapping);

// Memory of explicit huge pages, of the default size, private to this process: from the machine's
// pool, where they are reserved at once. `bytes` is a multiple of the size.
int MapHugePages(std::size_t bytes, void** start);

}  // namespace moirai
