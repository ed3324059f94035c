--- Encodings that specs expect to find, made by others than the code under test.
local mime = require "mime"

local encode = {}

function encode.base64(text)
  return (mime.b64(text) or "") -- nil for an empty text
end

function encode.base64url(text)
  return (encode.base64(text):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

function encode.hex(text)
  return (text:gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end))
end

--- A JWT with this payload, a text; nobody signed it.
function encode.jwt(payload)
  return ("%s.%s.x"):format(encode.base64url '{"alg":"none"}', encode.base64url(payload))
end

return encode
