-- What a hostile token endpoint may answer: the data of hostile_spec.
-- An answer is what the sandbox plays (spec/sandbox/README.md).
local encode = require "spec.support.encode"

local endless = ("0123456789abcdef"):rep(4096) -- 64 KiB
local good = { body = '{"access_token":"good","expires_in":3600}' }

local function raw(head, body)
  return { raw = "HTTP/1.1 " .. head .. "\r\n\r\n" .. (body or "") }
end

local function json(body)
  return { body = body }
end

local function html(status)
  return {
    status = status, headers = { ["Content-Type"] = "text/html" },
    body = "<html><body>Please log in</body></html>",
  }
end

local function repeated(head, line, count)
  return raw(head .. "\r\nContent-Length: 2\r\n" .. line:rep(count) .. "Last: x", "{}")
end

-- name, answer, code, class
local http = {
  { "a body shorter than announced", { body = good.body, truncate = true }, "bad_answer" },
  { "chunks without an end", raw("200 OK\r\nTransfer-Encoding: chunked", "5\r\n{\"a\":\r\n"),
    "bad_answer" },
  { "a chunk whose size is none",
    raw("200 OK\r\nTransfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"), "network" },
  { "a chunk larger than memory",
    raw("200 OK\r\nTransfer-Encoding: chunked", "ffffffffffffffffff\r\n{}\r\n"), "network" },
  { "an announced length beyond the cap", raw("200 OK\r\nContent-Length: 99999999999", "{"),
    "too_large" },
  { "a length that is no number", raw("200 OK\r\nContent-Length: -5", "{}"), "bad_answer" },
  { "a stream beyond the cap", raw("200 OK", endless:rep(3)), "too_large" },
  { "chunks beyond the cap", { chunks = { endless, endless, endless } }, "too_large" },
  { "an encoding nobody knows", { body = "{}", headers = { ["Content-Encoding"] = "rot13" } },
    "no_token", "terminal" },
  { "bytes that are no gzip", { gzip = "this is no gzip" }, "bad_answer" },
  { "a gzip that breaks off", { gzip = "\31\139\8\0\0\0\0\0" }, "bad_answer" },
  { "a connection closed before the answer", { close = true }, "network" },
  { "a connection closed within the header", { raw = "HTTP/1.1 200 OK\r\nContent-Ty" },
    "bad_answer" },
  { "a connection closed after the header", raw("200 OK\r\nContent-Length: 10"), "bad_answer" },
  { "an end right after the status line", { raw = "HTTP/1.1 200 OK\r\n" }, "bad_answer" },
  { "an end without a length", raw "200 OK", "bad_answer" },
  { "garbage instead of HTTP", { raw = "\1\2\3\255\254 go away\r\n\r\n" }, "bad_answer" },
  { "another protocol", { raw = "SSH-2.0-OpenSSH_9.2\r\n" }, "bad_answer" },
  { "a status of five digits", raw("20000 OK\r\nContent-Length: 2", "{}"), "bad_answer" },
  { "a status of 0", raw("000 Nothing\r\nContent-Length: 2", "{}"), "bad_answer" },
  { "a status that is no number", raw("abc OK\r\nContent-Length: 2", "{}"), "bad_answer" },
  { "a status of 999", raw("999 What\r\nContent-Length: 2", "{}"), "http_999" },
  { "a status line of 90 KB", raw("200 " .. ("x"):rep(90000) .. "\r\nContent-Length: 2", "{}"),
    "no_token", "terminal" },
  { "a header of 90 KB without an end of its spaces",
    raw("200 OK\r\nX: a" .. (" "):rep(90000) .. "b\r\nContent-Length: 2", "{}"),
    "no_token", "terminal" },
  { "a header of 1 MB", raw("200 OK\r\nX: " .. ("x"):rep(1000000)), "too_large" },
  { "the same header 25000 times", repeated("200 OK", "A: b\r\n", 20000), "no_token", "terminal" },
  { "100 000 headers", repeated("200 OK", "Abc: d\r\n", 100000), "too_large" },
  { "two lengths", raw("200 OK\r\nContent-Length: 2\r\nContent-Length: 20", "{}"), "bad_answer" },
  { "a 204", { status = 204 }, "bad_answer" },
  { "a 205", raw "205 Reset\r\nContent-Length: 0", "bad_answer" },
  { "a 304", raw "304 Not Modified", "http_304", "terminal" },
  { "a 101", raw "101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade", "bad_answer" },
  { "1xx answers and then none", { raw = ("HTTP/1.1 102 Processing\r\n\r\n"):rep(100) },
    "bad_answer" },
  { "a flood of 1xx answers", { raw = ("HTTP/1.1 103 Early\r\nA: b\r\n\r\n"):rep(20000) },
    "too_large" },
  { "HTML at 200", html(200), "bad_answer" },
  { "HTML at 500", html(500), "http_500" },
  { "HTML at 404", html(404), "http_404", "terminal" },
}

-- What is wrong with each; `whole`: it is JSON without a token.
local whole = true
local bodies = {
  { "an empty body", "" },
  { "spaces", (" "):rep(100000) },
  { "spaces between two letters", "a" .. (" "):rep(100000) .. "b" },
  { "a NUL", "\0" },
  { "NULs", ("\0"):rep(1000) },
  { "a NUL behind the answer", good.body .. "\0" },
  { "half an object", '{"access_token":"x' },
  { "100 000 levels of lists", ("["):rep(100000) },
  { "100 000 levels of objects", ('{"a":'):rep(20000) .. "1" .. ("}"):rep(20000) },
  { "101 closed levels", ("["):rep(101) .. ("]"):rep(101) },
  { "a list", "[]", whole }, { "an object", "{}", whole }, { "a text", '""', whole },
  { "a number", "0", whole }, { "true", "true", whole }, { "false", "false", whole },
  { "null", "null", whole },
  { "NaN", "NaN" }, { "two answers", good.body .. good.body },
  { "an answer in a list", "[" .. good.body .. "]", whole },
  { "a text that holds the answer", '"{\\"access_token\\":\\"x\\"}"', whole },
  { "invalid UTF-8", "\255\254\128" },
  { "UTF-16", "\255\254{\0}\0" },
  { "half a surrogate pair", '{"access_token":"\\ud800"}' },
  { "byte order marks", ("\239\187\191"):rep(3) .. good.body },
  { "null as the token", '{"access_token":null}', whole },
  { "null everywhere", '{"access_token":null,"token_type":null,"expires_in":null,' ..
    '"refresh_token":null,"scope":null,"error":null,"error_description":null}', whole },
  { "a form instead of JSON", "access_token=good&expires_in=3600" },
}

-- Values that the fields of the answer must not have.
local no_tokens = {
  "1.5", "1e300", "true", "false", "{}", "[]", '["x"]', '""', '" "', '"a b"', '"a\\tb"',
  '"a\\r\\nX: y"',
  '"a\\nb"', '"a\\rb"', '"a\\u0000b"', '"a\\u007fb"', '"a\\u00e9b"', '"\195\169"', '"\255"',
  '"\\u2028"',
}

local no_lifetimes = {
  "-1", "1e300", "-1e300", "1e999", '"abc"', '""', '"1hour1"', '"-1"', '"NaN"', '"inf"', '"0x10"',
  "true", "false", "{}", "[]", '[3600]', '"3600 apples"', '"' .. ("9"):rep(100000) .. 'x"',
}

-- Ways to say the secret back.
local function escaped(text, pattern, form)
  return (text:gsub(pattern, function(c)
    return form:format(c:byte())
  end))
end

local echoes = {
  { "as it is", function(s) return s end },
  { "percent-encoded", function(s) return escaped(s, "[^%w]", "%%%02X") end },
  { "percent-encoded in lower case", function(s) return escaped(s, "[^%w]", "%%%02x") end },
  { "percent-encoded throughout", function(s) return escaped(s, ".", "%%%02X") end },
  { "percent-encoded but for a few", function(s) return escaped(s, "[^%w/+]", "%%%02x") end },
  { "as a form field", function(s) return (escaped(s, "[^%w ]", "%%%02X"):gsub(" ", "+")) end },
  { "in JSON of its own", function(s) return (s:gsub('[\\"]', "\\%0")) end },
  { "in JSON that escapes slashes", function(s) return (s:gsub('[\\"/]', "\\%0")) end },
  { "in JSON that is all ASCII", function(s)
    return (escaped(s:gsub("é", "\1"), '[^%w \1/]', "\\u%04x"):gsub("\1", "\\u00e9"))
  end },
  { "in HTML", function(s)
    return (s:gsub("&", "&amp;"):gsub('"', "&quot;"):gsub("<", "&lt;"):gsub(">", "&gt;"))
  end },
  { "in base64", function(s) return encode.base64(s) end },
  { "in base64 without padding", function(s)
    return (encode.base64(s):gsub("=+$", ""))
  end },
  { "in base64url", function(s) return encode.base64url(s) end },
  { "in hexadecimal", function(s) return encode.hex(s) end },
  { "in upper-case hexadecimal", function(s)
    return encode.hex(s):upper()
  end },
  { "twice", function(s) return s .. s end },
}

return {
  good = good, raw = raw, json = json, repeated = repeated,
  http = http, bodies = bodies, no_tokens = no_tokens, no_lifetimes = no_lifetimes, echoes = echoes,
}
