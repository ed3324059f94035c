-- A TLS server on 127.0.0.1 that is OpenSSL's own, for what nginx does not do.
local helper = require "spec.support.helper"

local quote = helper.quote
local tls_server = {}

--- Make a certificate that signed itself, and its key: c.pem and k.pem of this folder.
-- @tparam string folder
-- @tparam[opt] table how `names` (subjectAltName, false = none), `subject`, `days`
function tls_server.certificate(folder, how)
  how = how or {}
  local names = how.names == nil and "IP:127.0.0.1" or how.names
  helper.write(folder .. "/ext", names and "subjectAltName=" .. names .. "\n" or "\n")
  helper.must(([[cd %s
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj %s -keyout k.pem -out r.pem
openssl x509 -req -in r.pem -signkey k.pem -days %d -extfile ext -out c.pem]])
    :format(quote(folder), quote(how.subject or "/CN=x"), how.days or 2))
end

--- Start it; `helper.stop` ends it. It answers all in HTML.
-- @tparam string folder whose c.pem and k.pem are its own
-- @tparam[opt] string options of `openssl s_server`
-- @treturn string its URL
function tls_server.start(folder, options)
  local next_line = helper.spawn(("openssl s_server -www -accept 127.0.0.1:0 -cert %s/c.pem "
    .. "-key %s/k.pem %s"):format(quote(folder), quote(folder), options or ""))
  local line
  repeat
    line = next_line()
  until not line or line:find "^ACCEPT"
  return "https://127.0.0.1:" .. assert(line, "no server"):match "(%d+)%s*$"
end

return tls_server
