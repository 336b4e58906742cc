-- SPDX-License-Identifier: Apache-2.0
local status = lighty.r.req_item.http_status
local is_there = status == 200 or status == 206 or status == 304
local has_version = lighty.r.req_attr["uri.path"]:match("/static/halls/(%x+)/")
lighty.r.resp_header["Cache-Control"] = is_there and has_version and #has_version == 16 and "public, max-age=31536000, immutable" or "no-cache"
