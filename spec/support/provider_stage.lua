--- What every spec of a provider needs: a sandbox, logins to it, its clock and ours, and an eye on
-- all the secrets that were in play.
--
--     local stage = require "spec.support.provider_stage"
--     local s
--     setup(function() s = stage.open "hubsoft" end)
--     teardown(function() s:stop() end)
--     after_each(function() s:clear() end)
local assert = require "luassert"
local bearer = require "bearer"
local core = require "bearer.core"
local providers = require "spec.support.providers"
local sandbox = require "spec.sandbox"
local secrets = require "spec.support.secrets"

local stage = {}
local methods = {}
methods.__index = methods

-- Only what can be told from ordinary text; a secret of three letters shows up anywhere.
local function worth_hiding(value)
  return type(value) == "string" and #value > 5
end

-- The secret inputs as the definition names them.
local function secret_inputs(provider, inputs)
  local def, list = providers.definition(provider), {}
  for name, value in pairs(inputs) do
    if def.inputs[name] and def.inputs[name].secret and worth_hiding(value) then
      list[#list + 1] = value
    end
  end
  return list
end

--- Open a stage for a provider.
-- @tparam string provider
-- @tparam[opt] string name of the stand-in, when it has another one
function stage.open(provider, name)
  return setmetatable({
    provider = provider, name = name or provider, sb = sandbox.start(), logins = {},
    hidden = {}, now = nil,
  }, methods)
end

--- Close the logins, lift the clocks, and have the sandbox as new: after each test.
function methods:clear()
  for _, login in ipairs(self.logins) do
    login:close()
  end
  self.logins, self.hidden, self.now = {}, {}, nil
  core.clock()
  self.sb:reset()
end

function methods:stop()
  self.sb:stop()
end

--- The right inputs, with changes; `false` leaves one out.
function methods:inputs(changes, of)
  local inputs = {}
  for _, source in ipairs { self.sb.credentials[of or self.provider], changes or {} } do
    for name, value in pairs(source) do
      inputs[name] = value or nil
    end
  end
  return inputs
end

--- A login with these inputs (`inputs` gives the right ones), closed by `clear`.
-- @tparam[opt] table changes to the right inputs
-- @tparam[opt] table options
-- @tparam[opt] string|table provider instead of the stage's own
function methods:login(changes, options, provider)
  local inputs = self:inputs(changes)
  return self:login_with(inputs, options, provider)
end

--- The same with all inputs given.
function methods:login_with(inputs, options, provider)
  local all = { ca_file = self.sb.ca_file }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  provider = provider or self.provider
  self:hide(secret_inputs(provider, inputs))
  local login = bearer.login(provider, inputs, all)
  self.logins[#self.logins + 1] = login
  return login
end

--- Remember texts that must not show anywhere.
function methods:hide(list)
  for _, secret in ipairs(list) do
    self.hidden[#self.hidden + 1] = secret
  end
end

--- Nothing that was secret shows in what a login, its token, its status or `...` say.
function methods:check_secrets(login, ...)
  self:hide(self.sb:issued(self.name)) -- access and refresh tokens alike
  if #self.hidden > 0 then
    local t = login:status().state == "fresh" and login:token() or nil
    secrets.assert_absent({ login, login:status(), t, ... }, self.hidden)
  end
end

--- The login's token, checked not to show.
function methods:token(login)
  local t = assert(login:token())
  self:check_secrets(login, t)
  return t
end

--- An error with exactly these fields of `expected` (false: the field is absent), no secret in it.
function methods:check_error(login, err, expected)
  assert.equal("bearer.error", core.type(err), tostring(err))
  local found = {}
  for field in pairs(expected) do
    found[field] = err[field]
    if found[field] == nil then
      found[field] = false
    end
  end
  assert.same(expected, found)
  assert.equal(tostring(login):match "^bearer%.login %((.*), %w+%)$", err.provider)
  assert.is_string(err.description)
  self:check_secrets(login, err)
end

--- A login that is refused: these error fields, one request, no second one while it is held.
function methods:check_refused(login, expected)
  local before = self:count "login"
  local t, _, err = login:token()
  assert.is_nil(t)
  expected.step = expected.step or "login"
  self:check_error(login, err, expected)
  assert.equal(before + 1, self:count "login")
  t, _, err = login:token()
  assert.is_nil(t)
  self:check_error(login, err, expected)
  assert.equal(before + 1, self:count "login")
  return err
end

--- How many requests of this kind (answered with that status) came in.
function methods:count(kind, status)
  return self.sb:count(self.name, kind, status)
end

--- Logins, refreshes and calls so far, as "1 login 0 refresh 2 call".
function methods:traffic()
  return ("%d login %d refresh %d call"):format(self:count "login", self:count "refresh",
    self:count "call")
end

--- The last request of this kind.
function methods:last(kind)
  local list = self.sb:requests(self.name)
  for i = #list, 1, -1 do
    if not kind or list[i].kind == kind then
      return list[i]
    end
  end
end

--- So many seconds pass, here and there. Ours is a clock that stands still between two calls.
function methods:pass(seconds)
  local now, wall = core.now()
  core.clock(now + seconds, wall + seconds)
  self.sb:advance(seconds)
end

--- The stage's protected call.
-- @tparam[opt] table changes to the request
function methods:call(login, changes)
  local request = { method = self.sb.calls[self.provider].method,
    url = self.sb.calls[self.provider].url }
  for name, value in pairs(changes or {}) do
    request[name] = value
  end
  local response, _, err = login:request(request)
  self:check_secrets(login, err)
  return response, err
end

--- A call whose token was revoked costs one login, and is repeated once.
function methods:check_one_repeat(login)
  local old = self:token(login)
  local logins, calls = self:count "login", self:count "call"
  self.sb:revoke(self.name)
  local response = assert(self:call(login))
  assert.equal(200, response.status)
  assert.same({ logins + 1, calls + 2 }, { self:count "login", self:count "call" })
  assert.not_equal(old, login:token())
  assert.equal(1, login:status().refused)
end

--- A call that is refused whatever the token: sent twice, not more.
function methods:check_no_third_try(login)
  self:token(login)
  local logins = self:count "login"
  self.sb:tell(self.name, { call = { status = 401 } })
  assert.equal(401, assert(self:call(login)).status)
  assert.same({ logins + 1, 2 }, { self:count "login", self:count "call" })
end

return stage
