-- SPDX-License-Identifier: Apache-2.0
-- Set on every request, also to nothing: a client's own headers of these names never get through.
local headers = lighty.r.req_header
headers["X-Real-IP"] = lighty.r.req_attr["request.remote-addr"]
headers["X-Remote-User"] = lighty.r.req_env["REMOTE_USER"] or ""
headers["X-Halls-Expires"] = lighty.r.req_env["HALLS_EXPIRES"] or ""
headers["X-Forwarded-Proto"] = @SCHEME@
