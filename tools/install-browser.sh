#!/bin/sh
# Chromium and a Chinese font for the browser tests, where they are missing and we may install.
set -eu

missing=""
[ -x /usr/bin/chromium ] || missing="chromium"
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing="$missing fonts-wqy-microhei fontconfig"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086  # several packages
  if apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing >/dev/null; then
    exit 0
  fi
fi

echo "缺少 ${missing}：浏览器测试将跳过（CI=true 时算失败）" >&2
echo "missing ${missing}: browser tests are skipped, or fail under CI=true" >&2
