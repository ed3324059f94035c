--- `/scripted/NAME`: plays whatever a spec queued, well-formed or not.
local answer = require "spec.sandbox.server.answer"
local state = require "spec.sandbox.server.state"

local scripted = {}

--- Queue answers for a name; the last one repeats.
function scripted.set(name, answers)
  state.scripts[name] = { at = 1, answers = answers }
end

local function next_answer(name)
  local script = state.scripts[name]
  if not script then
    return nil
  end
  local found = script.answers[script.at]
  script.at = math.min(script.at + 1, #script.answers)
  return found
end

-- Bytes straight to the socket, all at once or piece by piece, then the end of the connection.
local function send_raw(pieces, delay)
  local socket = assert(ngx.req.socket(true))
  for i, bytes in ipairs(type(pieces) == "table" and pieces or { pieces }) do
    if i > 1 and delay then
      ngx.sleep(delay)
    end
    if not socket:send(bytes) then
      break
    end
  end
  return ngx.exit(444)
end

-- A head that promises more than the body holds.
local function truncated(a, body)
  local lines = { ("HTTP/1.1 %d Scripted"):format(a.status or 200) }
  lines[2] = "Content-Length: " .. (#body + 100)
  for name, value in pairs(scripted.headers(a, body)) do
    lines[#lines + 1] = ("%s: %s"):format(name, value)
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- The headers of a scripted answer: application/json unless it says otherwise.
function scripted.headers(a, body)
  local headers = {}
  if body ~= "" then
    headers["Content-Type"] = "application/json"
  end
  if a.gzip then
    headers["Content-Encoding"] = "gzip"
  end
  for name, value in pairs(a.headers or {}) do
    if name:lower() == "content-type" then
      name = "Content-Type"
    end
    headers[name] = value or nil
  end
  return headers
end

local function send_chunks(a)
  ngx.status = a.status or 200
  for name, value in pairs(scripted.headers(a, "chunks")) do
    ngx.header[name] = value
  end
  ngx.send_headers()
  ngx.flush(true)
  for i, chunk in ipairs(a.chunks) do
    if i > 1 and a.chunk_delay then
      ngx.sleep(a.chunk_delay)
    end
    ngx.print(chunk)
    ngx.flush(true)
  end
  return ngx.exit(ngx.HTTP_OK)
end

local function play(a)
  local body = a.gzip or a.body or ""
  if a.close then
    return ngx.exit(444)
  elseif a.raw then
    return send_raw(a.raw, a.chunk_delay)
  elseif a.truncate then
    return send_raw(truncated(a, body))
  elseif a.chunks then
    return send_chunks(a)
  end
  return answer.send { status = a.status or 200, headers = scripted.headers(a, body), body = body }
end

--- Answer the request at hand.
function scripted.serve(r)
  local name = r.path:match("^/scripted/([^/]+)") or ""
  local names = { "scripted", "scripted/" .. name }
  r.kind = "call"
  state.arrived(names, r)
  local a = next_answer(name) or { status = 404, body = '{"error":"no_script"}' }
  if a.delay then
    ngx.sleep(a.delay)
  end
  state.answered(names, r, a.close and 0 or a.status or 200)
  return play(a)
end

return scripted
