# Shared build rules: warnings, sanitizers, and `dq_library`, which makes one target of one folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
set(DQ_FMT fmt::fmt)

find_program(DQ_CCACHE ccache)
if(DQ_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DQ_CCACHE})
endif()

if(DQ_CUDA)
  message(FATAL_ERROR "DQ_CUDA: the CUDA backend does not exist yet; configure with -DDQ_CUDA=OFF")
endif()

add_library(dq_flags INTERFACE)
target_include_directories(dq_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(dq_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wnull-dereference -Werror -ffp-contract=off -fno-math-errno
  $<$<CONFIG:Release>:-O2>)
# Vector types of the wide instruction sets never cross a translation unit.
target_compile_options(dq_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi>)
if(DQ_SANITIZE)
  target_compile_options(dq_flags INTERFACE -fsanitize=${DQ_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dq_flags INTERFACE -fsanitize=${DQ_SANITIZE})
endif()

# Kernels are compiled once per instruction set, chosen by the end of the file's name.
set(DQ_ISA_avx2 -mavx2 -mfma -mf16c -O3)
set(DQ_ISA_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512 -O3)
set(DQ_ISA_avx512bf16 ${DQ_ISA_avx512} -mavx512bf16)

# dq_library(NAME [RECURSE] [SUBDIRS dir…] DEPS target…): every .cpp of src/NAME (and of the named
# sub-folders, or of all of them) becomes the static library dq_NAME.
function(dq_library name)
  cmake_parse_arguments(ARG "RECURSE" "" "DEPS;SUBDIRS" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${name})
  if(ARG_RECURSE)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
    foreach(sub ${ARG_SUBDIRS})
      file(GLOB more CONFIGURE_DEPENDS ${dir}/${sub}/*.cpp)
      list(APPEND sources ${more})
    endforeach()
  endif()
  if(NOT sources)
    add_library(dq_${name} INTERFACE)
    target_link_libraries(dq_${name} INTERFACE dq_flags ${ARG_DEPS})
    return()
  endif()
  add_library(dq_${name} STATIC ${sources})
  target_link_libraries(dq_${name} PUBLIC dq_flags ${ARG_DEPS})
  foreach(isa avx2 avx512 avx512bf16)
    set(isa_sources ${sources})
    list(FILTER isa_sources INCLUDE REGEX "_${isa}\\.cpp$")
    if(isa_sources)
      set_source_files_properties(${isa_sources} PROPERTIES COMPILE_OPTIONS "${DQ_ISA_${isa}}")
    endif()
  endforeach()
endfunction()
