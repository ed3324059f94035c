--- The verbs that a spec talks to the sandbox with, each `POST /_sandbox/VERB` with JSON.
local cjson = require("cjson").new()
local scripted = require "spec.sandbox.server.scripted"
local settings = require "spec.sandbox.server.settings"
local state = require "spec.sandbox.server.state"

cjson.encode_keep_buffer(false)
cjson.encode_sparse_array(true)

local control = {}
local verbs = {}

local singular = { refreshes = "refresh", logins = "login", calls = "call", logouts = "logout",
  others = "other", verifies = "verify" }

local function need(name)
  return state.provider(name) or error(("there is no provider %q"):format(tostring(name)), 0)
end

-- A provider, else a script; "scripted" means all scripts.
local function bucket(name)
  if name == "scripted" or name == "unknown" or tostring(name):find("^scripted/") then
    return name
  end
  return state.provider(name) or "scripted/" .. tostring(name)
end

function verbs.ping()
  return true
end

function verbs.reset()
  state.reset()
  return true
end

function verbs.tell(q)
  local name = need(q.provider)
  settings.check(q.settings)
  state.tell(name, q.settings)
  return true
end

function verbs.requests(q)
  return state.list(bucket(q.provider))
end

function verbs.count(q)
  return state.count(bucket(q.provider), singular[q.what] or q.what, q.status)
end

function verbs.script(q)
  scripted.set(q.name, q.answers)
  return true
end

function verbs.issued(q)
  return state.issued_values(need(q.provider))
end

function verbs.advance(q)
  state.offset = state.offset + q.seconds
  return true
end

function verbs.revoke(q)
  state.revoke(need(q.provider), q.what)
  return true
end

local function say(status, text)
  ngx.status = status
  ngx.header["Content-Length"] = #text
  ngx.print(text)
  return ngx.exit(ngx.HTTP_OK)
end

--- Answer the control call at hand.
function control.serve()
  local verb = verbs[ngx.var.uri:match("^/_sandbox/(%w+)$")]
  ngx.req.read_body()
  local file = ngx.req.get_body_file()
  local text = file and assert(io.open(file, "rb")):read("*a") or ngx.req.get_body_data()
  local ok, result = pcall(function()
    return (verb or error("no such verb", 0))(cjson.decode(text or "{}"))
  end)
  if not ok then
    return say(400, tostring(result))
  end
  return say(200, cjson.encode { answer = result })
end

return control
