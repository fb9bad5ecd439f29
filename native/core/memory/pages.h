// The pages behind an address range: where they are, getting them, giving them back, holding them.
// `start` is page aligned and lengths are whole pages. Every function may be called from any thread
// and returns 0 or the errno.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moirai {

std::size_t PageSize();

// move_pages(2). One entry of `status` a page: its node, or a negative errno (-ENOENT: never
// touched; -EFAULT: the kernel's page of zeros, or none).
int PageNodes(const void* start, std::size_t pages, int32_t* status);
// The same after moving them; pages that did not move have a negative errno.
int MovePages(void* start, std::size_t pages, int node, int32_t* status);

// What PageNodes says, where move_pages is filtered: /proc/self/pagemap knows which pages are
// there, get_mempolicy(2) on which node each of those is. Slower, and nothing is touched.
int PageNodesByPolicy(const void* start, std::size_t pages, int32_t* status);
// Only which are there: 0 for each that is, -ENOENT for the others.
int PresentPages(const void* start, std::size_t pages, int32_t* status);

// Gets every page now, as a write would, by MADV_POPULATE_WRITE (Linux 5.14): where a touch would
// end in a signal this returns ENOMEM or EFAULT. EINVAL on older kernels.
int Populate(void* start, std::size_t bytes);
// Writes to every page what it holds: for older kernels. A page that cannot be had is a signal.
void Touch(void* start, std::size_t bytes);

// Gives the pages of a private mapping back; it reads as zeros from then on.
int Discard(void* start, std::size_t bytes);
// Asks for huge pages, which come where 2 MiB (or what the machine has) are aligned and free.
int AdviseHugePages(void* start, std::size_t bytes);
int Lock(const void* start, std::size_t bytes);
int Unlock(const void* start, std::size_t bytes);

}  // namespace moirai
