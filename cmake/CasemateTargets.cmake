# casemate_library(NAME DEPS …): all .cc files of this folder as one static library, PRIVATE links.
# JSON: precompiles nlohmann/json.hpp, by far the most expensive header.
function(casemate_library name)
  cmake_parse_arguments(ARG "JSON" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE casemate_options ${ARG_DEPS})
  if(ARG_JSON)
    target_precompile_headers(${name} PRIVATE <nlohmann/json.hpp> <string> <vector> <memory>)
  endif()
endfunction()
