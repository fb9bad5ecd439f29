{
  # native/sources.txt is the one list of sources; native/CMakeLists.txt reads the same file.
  # The binary links nothing: libc and libuv symbols are the host process's own (docs/decisions).
  "targets": [
    {
      "target_name": "moirai",
      "sources": ["<!@(sed -e \"s,^,native/,\" native/sources.txt)"],
      "include_dirs": ["native"],
      "defines": ["NAPI_VERSION=9"],
      "cflags_cc": [
        "-std=c++20",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        "-U_FORTIFY_SOURCE",  # on by default in Ubuntu; musl has no such functions
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections"
      ],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-O3"],
      "ldflags": ["-nostdlib", "-Wl,--gc-sections", "-Wl,-z,now", "-Wl,-z,relro", "-Wl,-z,nodelete", "-Wl,--version-script=<(module_root_dir)/native/exports.map"],
      "libraries!": ["-lstdc++", "-lm"],
      "conditions": [
        # Outlined atomics are functions of libgcc.
        ["target_arch=='arm64'", { "cflags_cc": ["-mno-outline-atomics"] }],
        # Not simply under CI: users build from source there too, with compilers yet to come.
        ["\"<!(echo ${MOIRAI_WERROR:-})\"!=\"\"", { "cflags_cc": ["-Werror"] }]
      ]
    }
  ]
}
