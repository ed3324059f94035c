--- Makes tokens that look like each vendor's. The signatures are noise.
local token = {}

local noise = assert(io.open("/dev/urandom", "rb"))
noise:setvbuf("full", 4096)

--- So many random bytes.
function token.bytes(count)
  return noise:read(count)
end

--- So many random hexadecimal digits.
function token.hex(count)
  local text = noise:read(math.ceil(count / 2)):gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end)
  return text:sub(1, count)
end

--- So many random letters and digits.
function token.letters(count)
  local text = ""
  while #text < count do
    text = text .. ngx.encode_base64(noise:read(count)):gsub("[^%w]", "")
  end
  return text:sub(1, count)
end

local function base64url(text)
  return (ngx.encode_base64(text, true):gsub("+", "-"):gsub("/", "_"))
end

--- A JWT in compact form. `size` is the signature's length in bytes.
function token.jwt(header, claims, size)
  local signature = noise:read(size or 32)
  return ("%s.%s.%s"):format(base64url(header), base64url(claims), base64url(signature))
end

--- A JWT as Oracle prints it: standard base64 with its padding, and a "/" or "+" in it.
function token.padded_jwt(header, claims)
  local signature
  repeat
    signature = ngx.encode_base64(noise:read(32))
  until signature:find("[+/]")
  return ("%s.%s.%s"):format(ngx.encode_base64(header), ngx.encode_base64(claims), signature)
end

return token
