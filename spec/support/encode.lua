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

local function escaped(format, which)
  return function(text)
    return (text:gsub(which or ".", function(c)
      return format:format(c:byte())
    end))
  end
end

--- What servers make of a text that they say back: `{name = function}`.
encode.echoes = {
  ["as it is"] = function(text) return text end,
  base64 = encode.base64, base64url = encode.base64url, hex = encode.hex,
  ["base64 without padding"] = function(text) return (encode.base64(text):gsub("=", "")) end,
  ["HEX"] = function(text) return encode.hex(text):upper() end,
  ["%XX of every byte"] = escaped "%%%02X", ["%xx of every byte"] = escaped "%%%02x",
  ["PHP's json_encode"] = function(text)
    return (text:gsub('[\\"/]', "\\%0"))
  end,
  [".NET's JSON"] = escaped("\\u%04X", "[^%w /._-]"),
  [".NET's UrlEncode"] = function(text)
    return (escaped("%%%02x", "[^%w _.!*()-]")(text):gsub(" ", "+"))
  end,
  ["PHP's urlencode"] = function(text)
    return (escaped("%%%02X", "[^%w _.-]")(text):gsub(" ", "+"))
  end,
  ["HTML's numbers"] = escaped("&#%d;", "%p"),
}

--- A JWT with this payload, a text; nobody signed it.
function encode.jwt(payload)
  return ("%s.%s.x"):format(encode.base64url '{"alg":"none"}', encode.base64url(payload))
end

return encode
