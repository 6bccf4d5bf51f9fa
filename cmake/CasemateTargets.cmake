# The precompiled header of every target that reads or writes JSON: nlohmann/json.hpp costs about six
# seconds a translation unit.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch.cc CONTENT "")
foreach(pch casemate_pch casemate_pch_fast)
  add_library(${pch} OBJECT ${CMAKE_BINARY_DIR}/pch.cc)
  target_link_libraries(${pch} PRIVATE casemate_options)
  target_precompile_headers(${pch} PRIVATE <memory> <nlohmann/json.hpp> <string> <vector>)
endforeach()
target_link_libraries(casemate_pch_fast PRIVATE casemate_fast)

# casemate_library(NAME [JSON] [FAST] DEPS …): all .cc files of this folder as one static library
# with PRIVATE links. JSON: with the precompiled header. FAST: what every message passes, compiled
# for speed; all else for size (CompilerSettings.cmake).
function(casemate_library name)
  cmake_parse_arguments(ARG "JSON;FAST" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE casemate_options ${ARG_DEPS})
  set(pch casemate_pch)
  if(ARG_FAST)
    set(pch casemate_pch_fast)
    target_link_libraries(${name} PRIVATE casemate_fast)
  endif()
  if(ARG_JSON)
    target_precompile_headers(${name} REUSE_FROM ${pch})
  endif()
endfunction()
