#!/bin/sh
# What the tests meet: Chromium, a Chinese font, an Alertmanager; installed where they are missing
# and we may.
set -eu

missing=""
[ -x /usr/bin/chromium ] || missing="chromium"
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing="$missing fonts-wqy-microhei fontconfig"
command -v prometheus-alertmanager >/dev/null || missing="$missing prometheus-alertmanager"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086  # several packages
  if apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing >/dev/null; then
    exit 0
  fi
fi

echo "缺少 ${missing}：用到它们的测试将跳过（CI=true 时算失败）" >&2
echo "missing ${missing}: the tests that need them are skipped, or fail under CI=true" >&2
