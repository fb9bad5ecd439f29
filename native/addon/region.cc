// The section `region` of the border: memory that processes share, as an ArrayBuffer of each thread
// that maps it. The buffer's memory is unmapped when both its handle and the buffer are gone, which
// may be later than `close`: a read from disk may still be writing to it on another thread.
#include "core/memory/region.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "addon/args.h"
#include "addon/module.h"

namespace moirai::addon {
namespace {

constexpr std::size_t kMaxPath = 512;
constexpr napi_type_tag kMappingTag = {0x3f0b6a1f7c5d4e21, 0x9a44c2d81b7e5f60};

// False for what is no string; longer ones are cut off, and are then the name of no region.
template <std::size_t N>
bool Path(const Args<N>& args, std::size_t index, char (&path)[kMaxPath]) {
  std::size_t length = 0;
  return napi_get_value_string_utf8(args.env, args.values[index], path, kMaxPath, &length) ==
         napi_ok;
}

napi_value FileOrError(napi_env env, int error, int file) {
  return Integer(env, error == 0 ? file : -error);
}

napi_value Create(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  char directory[kMaxPath];
  const bool named = Path(args, 0, directory);
  int file = -1;
  const auto bytes = static_cast<std::size_t>(args.Double(1));
  const int error = CreateRegionFile(named ? directory : nullptr, bytes, &file);
  return FileOrError(env, error, file);
}

napi_value Open(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  char path[kMaxPath];
  int file = -1;
  const int error = Path(args, 0, path) ? OpenRegionFile(path, &file) : EINVAL;
  return FileOrError(env, error, file);
}

napi_value Duplicate(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  const int file = fcntl(args.Int32(0), F_DUPFD_CLOEXEC, 3);
  return FileOrError(env, file < 0 ? errno : 0, file);
}

napi_value Inspect(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  std::size_t length = 0;
  auto* const out = args.Elements<double>(1, &length);
  if (out == nullptr || length < 4) return Integer(env, EINVAL);
  RegionFacts facts;
  const int error = InspectRegion(args.Int32(0), &facts);
  out[0] = static_cast<double>(facts.bytes);
  out[1] = facts.in_memory ? 1 : 0;
  out[2] = facts.own ? 1 : 0;
  out[3] = facts.open_to_others ? 1 : 0;
  return Integer(env, error);
}

napi_value Reserve(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  return Integer(env, ReserveRegion(args.Int32(0), static_cast<std::size_t>(args.Double(1))));
}

napi_value Publish(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  char path[kMaxPath];
  return Integer(env, Path(args, 1, path) ? PublishRegion(args.Int32(0), path) : EINVAL);
}

napi_value Unlink(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  char path[kMaxPath];
  if (!Path(args, 0, path)) return Integer(env, EINVAL);
  return Integer(env, unlink(path) != 0 ? errno : 0);
}

napi_value CloseFile(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  close(args.Int32(0));
  return nullptr;
}

// The handle and the buffer each hold the mapping, as each is collected when it will.
using Hold = Ref<RegionMapping>;
void Release(napi_env, void*, void* hold) { delete static_cast<Hold*>(hold); }

napi_value Map(napi_env env, napi_callback_info info) {
  const Args<2> args(env, info);
  Hold mapping;
  const auto bytes = static_cast<std::size_t>(args.Double(1));
  const int error = MapRegion(args.Int32(0), bytes, &mapping);
  if (error != 0) return Integer(env, error);
  napi_value handle;
  napi_value buffer;
  if (napi_create_object(env, &handle) != napi_ok) return nullptr;
  auto* const of_handle = new Hold(mapping);
  if (napi_wrap(env, handle, of_handle, Release, of_handle, nullptr) != napi_ok) {
    delete of_handle;
    return nullptr;
  }
  napi_type_tag_object(env, handle, &kMappingTag);
  auto* const of_buffer = new Hold(mapping);
  const napi_status status = napi_create_external_arraybuffer(
      env, mapping->start(), mapping->bytes(), Release, of_buffer, &buffer);
  // Where pointers are caged (Electron) there are no external buffers. In other failures Node has
  // released the memory already, and throws.
  if (status == napi_no_external_buffers_allowed) delete of_buffer;
  if (status != napi_ok) return Integer(env, ENOSYS);
  napi_set_named_property(env, handle, "buffer", buffer);
  return handle;
}

napi_value Close(napi_env env, napi_callback_info info) {
  const Args<1> args(env, info);
  bool tagged = false;
  void* hold = nullptr;
  napi_value buffer;
  if (napi_check_object_type_tag(env, args.values[0], &kMappingTag, &tagged) != napi_ok ||
      !tagged || napi_remove_wrap(env, args.values[0], &hold) != napi_ok) {
    return nullptr;
  }
  (*static_cast<Hold*>(hold))->CloseFile();
  if (napi_get_named_property(env, args.values[0], "buffer", &buffer) == napi_ok) {
    napi_detach_arraybuffer(env, buffer);
  }
  Release(env, nullptr, hold);
  return nullptr;
}

napi_value User(napi_env env, napi_callback_info) { return Number(env, geteuid()); }

}  // namespace

void InitRegion(napi_env env, napi_value exports) {
  napi_value section;
  if (napi_create_object(env, &section) != napi_ok) return;
  SetFunction(env, section, "create", Create);
  SetFunction(env, section, "open", Open);
  SetFunction(env, section, "duplicate", Duplicate);
  SetFunction(env, section, "inspect", Inspect);
  SetFunction(env, section, "reserve", Reserve);
  SetFunction(env, section, "publish", Publish);
  SetFunction(env, section, "unlink", Unlink);
  SetFunction(env, section, "closeFile", CloseFile);
  SetFunction(env, section, "map", Map);
  SetFunction(env, section, "close", Close);
  SetFunction(env, section, "user", User);
  napi_set_named_property(env, exports, "region", section);
}

}  // namespace moirai::addon
