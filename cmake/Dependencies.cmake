# Debian 12 packages; `./dev setup` installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(OpenSSL REQUIRED)

# Half of the time to start went into relocating shared libraries (docs/adr/0008): a release carries
# what is small and keeps OpenSSL shared, whose updates must not wait for ours. Distributions that
# want all of them shared switch this off.
option(CASEMATE_BUNDLE "Link all libraries but libc and OpenSSL statically in release builds" ON)
if(CASEMATE_BUNDLE AND CMAKE_BUILD_TYPE STREQUAL "Release")
  target_link_options(casemate_options INTERFACE -static-libstdc++ -static-libgcc)
endif()

# casemate_dependency(NAME package): target PkgConfig::NAME.
function(casemate_dependency name package)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${package})
  if(CASEMATE_BUNDLE AND CMAKE_BUILD_TYPE STREQUAL "Release")
    list(GET ${name}_LIBRARIES 0 library)
    find_library(${name}_ARCHIVE NAMES lib${library}.a HINTS ${${name}_LIBRARY_DIRS} REQUIRED)
    set_target_properties(PkgConfig::${name} PROPERTIES
      INTERFACE_LINK_LIBRARIES "${${name}_ARCHIVE};m;${CMAKE_DL_LIBS};Threads::Threads")
  endif()
endfunction()
casemate_dependency(SQLITE sqlite3)
casemate_dependency(SECCOMP libseccomp)
casemate_dependency(NETTLE nettle)
casemate_dependency(GMP gmp)
casemate_dependency(HOGWEED hogweed)
# Of archives the order counts, and hogweed's own file does not name these.
set_property(TARGET PkgConfig::HOGWEED APPEND PROPERTY
  INTERFACE_LINK_LIBRARIES PkgConfig::NETTLE PkgConfig::GMP)
casemate_dependency(YAMLCPP yaml-cpp)
casemate_dependency(RE2 re2)
casemate_dependency(PUGIXML pugixml)
casemate_dependency(DEFLATE libdeflate)
casemate_dependency(ZLIB zlib)
# Its -pthread would define a macro that our precompiled headers lack; in glibc 2.34 it does nothing.
set_target_properties(PkgConfig::RE2 PROPERTIES INTERFACE_COMPILE_OPTIONS "")
