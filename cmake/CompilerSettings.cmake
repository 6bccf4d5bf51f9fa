# Language level, warnings (always errors), hardening and sanitizers, as interface targets.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# For size: most of the program runs once in a while, and what is resident is mostly program text. The
# way of a message is compiled for speed (casemate_fast); -O3 buys nothing there and makes g++ 12 warn
# about string code that is right (GCC bug 105329).
set(CMAKE_CXX_FLAGS_RELEASE "-Os -DNDEBUG")
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

set(CASEMATE_SANITIZE "" CACHE STRING "Comma-separated -fsanitize= list (address,undefined / thread / fuzzer-no-link,…)")

add_library(casemate_warnings INTERFACE)
target_compile_options(casemate_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2 -Wundef)

add_library(casemate_options INTERFACE)
target_link_libraries(casemate_options INTERFACE casemate_warnings)
# PIE everywhere, libraries too: all of them end in executables, and one precompiled header fits all.
target_compile_options(casemate_options INTERFACE -fPIE)
target_link_options(casemate_options INTERFACE -pie)
target_include_directories(casemate_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(casemate_options INTERFACE _GNU_SOURCE CASEMATE_VERSION="${PROJECT_VERSION}")
if(CASEMATE_SANITIZE)
  target_compile_options(casemate_options INTERFACE -fsanitize=${CASEMATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(casemate_options INTERFACE -fsanitize=${CASEMATE_SANITIZE})
endif()

add_library(casemate_fast INTERFACE)
target_compile_options(casemate_fast INTERFACE $<$<CONFIG:Release>:-O2>)

# Release hardening: PIE, full RELRO, stack protector, _FORTIFY_SOURCE, stack clash, CET.
add_library(casemate_hardening INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(casemate_hardening INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
    -fcf-protection)
  target_compile_options(casemate_hardening INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(casemate_hardening INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack
    -Wl,--gc-sections)
endif()
target_link_libraries(casemate_options INTERFACE casemate_hardening)
