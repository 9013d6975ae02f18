# shellcheck shell=bash disable=SC2034 # the variables are for the script that sources this
# Stages of a script: each is announced, timed, kept in a log and remembered when it failed. To be sourced.

stages=()        # "seconds|ok or FAILED|name", in order
failed_stages=0
stage_status=0   # of the last stage
stage_log=       # a file that collects the output of the stages, if set

# stage NAME COMMAND…: runs the command (a function may be one: it runs in a shell of its own that stops at the first
# error) without standard input. Its status is its own: the copy for the log is no part of a pipeline. A process
# that the command leaves behind with our output in its hands fails the stage instead of blocking it for ever.
#
# It always succeeds; ask $stage_status. (`stage … || exit` would switch off the command's stop at the first error:
# bash ignores `set -e` in all that runs on the left of `||`.)
stage() {
  local name=$1 start=$SECONDS status verdict=ok output copier
  shift
  printf '\n== %s\n' "$name"
  exec {output}> >(exec tee -a "${stage_log:-/dev/null}")
  copier=$!
  set +e
  (
    set -e
    "$@"
  ) </dev/null >&"$output" 2>&1 {output}>&-
  status=$?
  set -e
  exec {output}>&-
  for _ in {1..30}; do
    kill -0 "$copier" 2>/dev/null || break
    sleep 0.1
  done
  if kill "$copier" 2>/dev/null; then
    echo "a process that this stage started is still running"
    [ "$status" -ne 0 ] || status=1
  fi
  if [ "$status" -ne 0 ]; then
    verdict="FAILED ($status)"
    failed_stages=$((failed_stages + 1))
  fi
  stages+=("$((SECONDS - start))|$verdict|$name")
  printf '== %s: %s, %d s\n' "$name" "$verdict" "$((SECONDS - start))"
  stage_status=$status
}

# stage_table: what each stage took and how it ended.
stage_table() {
  local entry seconds verdict name
  printf '\n%8s  %s\n' minutes stage
  for entry in "${stages[@]}"; do
    IFS='|' read -r seconds verdict name <<<"$entry"
    if [ "$verdict" = ok ]; then verdict=; fi
    printf '%5d:%02d  %s%s\n' $((seconds / 60)) $((seconds % 60)) "$name" "${verdict:+  $verdict}"
  done
}
