# What the steps share. Sourced by .ci/run, in the repository's root.

# run prints a command and runs it.
run() {
  printf '+ %s\n' "$*"
  "$@"
}

polite='' # or nice: for steps that do not measure time, beside one that does

# tests runs go test, in the current folder, and fails if no test ran or one was
# skipped: see .ci/gotest.
tests() {
  echo "+ go test $*"
  $polite "$work/gotest" "$@"
}

# found_some fails if a step has found nothing to do: a search that finds nothing is a mistake in it.
found_some() {
  [ -s "$1" ] || { echo "there is no $2"; return 1; }
}

# modules lists the folders of all modules, the root first, but for those of
# .ci/by_name.txt.
modules() {
  find . -name go.mod -not -path '*/testdata/*' -printf '%h\n' |
    grep -vxFf <(sed -nE 's|^[^#]|./&|p' .ci/by_name.txt) | sort
}

# each_module runs a command in the folder of every module; those of each_nested
# are all but the root.
each_module() { in_modules "$(modules)" "$@"; }
each_nested() { in_modules "$(modules | tail -n +2)" "$@"; }

in_modules() {
  local module failed=0 folders=$1
  shift
  for module in $folders; do
    (cd "$module" && echo "$module:" && "$@") || failed=1
  done
  return $failed
}

# tools lists the packages of .ci, which ./... leaves out.
tools() { find ./.ci -name '*.go' -not -path '*/testdata/*' -printf '%h\n' | sort -u; }

# tell_caches says how warm the caches are.
tell_caches() {
  local mod build
  mod=$(du -sm "$(go env GOMODCACHE)" 2>/dev/null | cut -f 1)
  build=$(du -sm "$(go env GOCACHE)" 2>/dev/null | cut -f 1)
  echo "${mod:-0} MiB of modules and ${build:-0} MiB of builds in the caches"
}

# list_steps names the steps and what they need.
list_steps() {
  echo "first tier: ${first[*]}"
  echo "all:        ${second[*]}"
  echo "by name:    ${by_name[*]}"
  grep -vE '^(#|$)' .ci/needs.txt
}

# need installs what .ci/needs.txt says of a step and the machine lacks.
need() {
  local who found package wanted=()
  while read -r who found package; do
    [ "$who" = "$1" ] || [ "$who" = every ] || continue
    if [ -e "$found" ] || command -v "$found" >/dev/null; then continue; fi
    case $package in
      apt:*) wanted+=("${package#apt:}") ;;
      npm:*) run npm ci --prefix "${package#npm:}" --no-audit --no-fund ;;
      *) echo ".ci/needs.txt: where is $package had?"; return 1 ;;
    esac
  done < <(grep -v '^#' .ci/needs.txt)
  if [ "${#wanted[@]}" -gt 0 ]; then apt_install "${wanted[@]}"; fi
}

# apt_install installs packages. One step at a time may; a service that a package
# brings is not started: tests start their own.
apt_install() (
  exec 9>/tmp/muxkit-ci-apt.lock
  flock 9
  if [ "$(id -u)" -ne 0 ]; then
    echo "missing: $* (not root: nothing is installed, some tests may be skipped)"
    return
  fi
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  run apt-get update -q
  run apt-get install -y -q --no-install-recommends "$@"
)
