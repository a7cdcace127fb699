# Shared by ./danqing and ./test; sourced, never run. Expects $root. Everything is said on stderr.

say() { printf 'danqing: %s\n' "$*" >&2; }

# The packages of the named lists that this machine lacks, one a line.
missing_packages() {
  local list package alternative found
  while read -r list package; do
    [[ " $* " == *" $list "* ]] || continue
    found=
    for alternative in ${package//|/ }; do
      if dpkg-query -W -f '${db:Status-Status}' "$alternative" 2>/dev/null | grep -qx installed; then found=yes; fi
    done
    [[ $found ]] || echo "$package"
  done < <(grep -v '^#' "$root/tools/packages")
}

# "a|b" → the first that apt can install.
choose_package() {
  local alternative
  for alternative in ${1//|/ }; do
    if apt-cache show "$alternative" >/dev/null 2>&1; then echo "$alternative"; return; fi
  done
  echo "${1%%|*}"
}

# Installs what is missing from the lists, once. Without apt or rights it says what to install and stops.
install_packages() {
  local stamp="$root/build/.packages-${*//[^a-z]/-}" missing package chosen=() as_root=()
  if [[ -e $stamp && ! $root/tools/packages -nt $stamp ]]; then return; fi
  mkdir -p "$root/build"
  if ! command -v dpkg-query >/dev/null; then
    say "this is not Debian or Ubuntu; make sure that the libraries in tools/packages are installed"
    touch "$stamp"
    return
  fi
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]})); then
    for package in "${missing[@]}"; do chosen+=("$(choose_package "$package")"); done
    if ((EUID != 0)); then
      if ! command -v sudo >/dev/null; then
        say "these packages are missing, and there is no sudo to install them with:"
        say "  ${chosen[*]}"
        say "install them as root (apt-get install …) and start again"
        exit 1
      fi
      as_root=(sudo)
    fi
    say "installing ${#chosen[@]} packages (this happens once): ${chosen[*]}"
    "${as_root[@]}" apt-get update -qq >"$root/build/apt.log" 2>&1 || true
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${chosen[@]}" >>"$root/build/apt.log" 2>&1; then
      tail -n 15 "$root/build/apt.log" >&2
      say "apt-get could not install them; mend what it says above, or install them yourself, and start again"
      exit 1
    fi
  fi
  touch "$stamp"
}

# run_logged LOG COMMAND…: quiet unless it fails, then the end of its log.
run_logged() {
  local log=$1
  shift
  if "$@" >"$log" 2>&1; then return 0; fi
  tail -n 40 "$log" >&2
  return 1
}

# configure_release OPTION…: (re)configures build/release.
configure_release() {
  run_logged "$root/build/configure.log" cmake -S "$root" -B "$root/build/release" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release "$@" || { say "cmake failed; the whole log is build/configure.log"; exit 1; }
}
