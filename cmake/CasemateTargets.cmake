# The precompiled header of every target that reads or writes JSON: nlohmann/json.hpp costs about six
# seconds a translation unit.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch.cc CONTENT "")
add_library(casemate_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cc)
target_link_libraries(casemate_pch PRIVATE casemate_options)
target_precompile_headers(casemate_pch PRIVATE <memory> <nlohmann/json.hpp> <string> <vector>)

# casemate_library(NAME [JSON] DEPS …): all .cc files of this folder as one static library with
# PRIVATE links. JSON: with the precompiled header.
function(casemate_library name)
  cmake_parse_arguments(ARG "JSON" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE casemate_options ${ARG_DEPS})
  if(ARG_JSON)
    target_precompile_headers(${name} REUSE_FROM casemate_pch)
  endif()
endfunction()
