--- Hands a request to its provider, and lets the settings spoil the answer.
-- A provider module holds `routes`: path -> { kind =, METHOD = function(r, settings) -> answer },
-- where `kind` may be a function of the request; `movable`, the path that the setting `path`
-- replaces; and `problem(status, message, settings)`, an answer in that vendor's own error shape.
local answer = require "spec.sandbox.server.answer"
local request = require "spec.sandbox.server.request"
local scripted = require "spec.sandbox.server.scripted"
local settings = require "spec.sandbox.server.settings"
local state = require "spec.sandbox.server.state"

require "spec.sandbox.server.control"
require "spec.sandbox.server.watchdog"

local router = {}

local function provider(name)
  local module = require("spec.sandbox.providers." .. name)
  module.name = name
  return module
end

local hubsoft, cambyopro = provider "hubsoft", provider "cambyopro"
local cobuilder, oracle, crm = provider "cobuilder", provider "oracle_commerce", provider "crm_com"
local oauth2 = provider "oauth2"

local prefixes = { -- first match
  { "^/oauth2/", oauth2 },
  { "^/oauth/", hubsoft }, { "^/api/v1/", hubsoft }, { "^/login", hubsoft },
  { "^/api/", cambyopro },
  { "^/authentication/", cobuilder }, { "^/products/", cobuilder },
  { "^/cc%a+/", oracle },
  { "^/crmapi/", crm },
}

local function owner(path)
  for _, prefix in ipairs(prefixes) do
    if path:find(prefix[1]) then
      return prefix[2]
    end
  end
end

local function allowed(route)
  local methods = {}
  for name in pairs(route) do
    if name:find("^%u+$") then
      methods[#methods + 1] = name
    end
  end
  table.sort(methods)
  return table.concat(methods, ", ")
end

local function act(p, route, r, s)
  if not route then
    return answer.refuse(p.problem(404, "Not found", s), "there is nothing at this path")
  elseif not route[r.method] then
    local a = p.problem(405, "Method not allowed", s)
    a.headers["Allow"] = allowed(route)
    return answer.refuse(a, "the method is not " .. allowed(route))
  end
  return route[r.method](r, s)
end

-- Counts a fault down; true while it holds.
local function spend(faults, name)
  local left = faults[name]
  if not left or left <= 0 then
    return false
  end
  faults[name] = left - 1
  return true
end

local function refused(p, faults, s)
  local status = spend(faults, "fail_next") and 503 or faults.status
  if not status then
    return nil
  end
  local a = p.problem(status, "The sandbox was told to answer so", s)
  a.headers["Retry-After"] = faults.retry_after or nil
  return answer.refuse(a, "the settings say so")
end

local function spoil(a, faults)
  a.body = faults.body or a.body
  a.headers["Content-Type"] = faults.content_type or a.headers["Content-Type"]
  for name, value in pairs(faults.headers or {}) do
    a.headers[name] = value
  end
  return a
end

local function find(p, path, moved)
  if moved and path == moved then
    return p.routes[p.movable]
  elseif moved and path == p.movable then
    return nil
  end
  return p.routes[path]
end

local function play(p, r)
  local s = state.settings[p.name]
  local route = find(p, r.path, s.path)
  local kind = route and route.kind or "other"
  r.kind = type(kind) == "function" and kind(r) or kind
  state.arrived({ p.name }, r)
  local faults = settings.faults(s, r.kind)
  local a = spoil(refused(p, faults, s) or act(p, route, r, s), faults)
  if faults.delay then
    ngx.sleep(faults.delay)
  end
  r.refused = a.refused
  if spend(faults, "lose_next") then
    state.answered({ p.name }, r, 0)
    return ngx.exit(444)
  end
  state.answered({ p.name }, r, a.status)
  return answer.send(a)
end

--- Answer the request at hand.
function router.serve()
  local r = request.read()
  if r.path:find("^/scripted/") then
    return scripted.serve(r)
  end
  local p = owner(r.path)
  if p then
    return play(p, r)
  end
  r.kind = "other"
  state.arrived({ "unknown" }, r)
  state.answered({ "unknown" }, r, 404)
  return answer.send(answer.new(404, "not found\n"))
end

return router
