--- The certificates of one run: an authority of its own, and what it signs.
-- The private keys live as long as the sandbox's folder. OpenSSL's command line makes them.
local certificate = {}

local config = [[
[req]
distinguished_name = nobody
prompt = no
string_mask = utf8only

[nobody]
CN = unused

[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = %s
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid

[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
]]

local here = "IP:127.0.0.1, DNS:localhost, IP:::1"

local make = "openssl req -x509 -config openssl.cnf -extensions %s -subj '/CN=%s' -days 2 " ..
  "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.pem"

local function command(extensions, subject, file, signer)
  local line = make:format(extensions, subject, file, file)
  if signer then
    line = ("%s -CA %s.pem -CAkey %s.key"):format(line, signer, signer)
  end
  return line
end

--- The text of the `openssl.cnf` that the commands read.
-- @tparam[opt] string name the server certificate is for this name instead of this machine
function certificate.config(name)
  return config:format(name and "DNS:" .. name or here)
end

--- The shell commands that make `ca`, `server` and, when asked, `client` (each .pem and .key).
function certificate.commands(with_client)
  local lines = {
    command("authority", "bearer sandbox authority", "ca"),
    command("server", "bearer sandbox", "server", "ca"),
  }
  if with_client then
    lines[#lines + 1] = command("client", "bearer sandbox client", "client", "ca")
  end
  return table.concat(lines, " && ")
end

return certificate
