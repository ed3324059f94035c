--- Logins: a provider, the inputs it asked for, and the token they last bought.
-- @classmod bearer.login
local answer = require "bearer.answer"
local attempt = require "bearer.attempt"
local call = require "bearer.call"
local core = require "bearer.core"
local errors = require "bearer.errors"
local exchange = require "bearer.exchange"
local inputs = require "bearer.inputs"
local options = require "bearer.options"
local renewal = require "bearer.renewal"
local request = require "bearer.request"
local served = require "bearer.served"
local token = require "bearer.token"

local login = {}

local TYPE = "bearer.login"
local mt = core.metatable(TYPE)
local methods = mt.__index

-- ---- making ---------------------------------------------------------------------------

-- A URL that is known already and is not https is the caller's mistake, not the world's.
local function check_urls(fields)
  local places = { { "base_url", fields.def.base_url } }
  for _, step in ipairs { "login", "refresh", "logout" } do
    for i, r in ipairs(fields.def[step] or {}) do
      places[#places + 1] = { ("%s[%d].url"):format(step, i), r.url }
    end
  end
  for _, place in ipairs(places) do
    local url = type(place[2]) == "string" and fields.scope:expand(place[2], true)
    if url then
      local req = core.request("GET")
      req:url(nil, url)
      local ok, why = req:check(fields.options.allow_http)
      if not ok then
        error(("%s: %s %s"):format(fields.def.name, place[1], why), 0)
      end
    end
  end
end

--- Make a login. No I/O happens here.
-- @tparam bearer.provider provider
-- @tparam table def its compiled definition
-- @tparam table given inputs
-- @tparam ?table opts options
-- @tparam string version of bearer
-- @treturn bearer.login
-- @raise on a missing, unknown or mistyped input or option
-- @local
function login.new(provider, def, given, opts, version)
  local scope, dynamic = inputs.check(def, given)
  local fields = {
    provider = provider, def = def, options = options.check(opts, version),
    scope = scope, dynamic = dynamic, generation = 0, held_times = {},
    object = false, -- a place for it: no memory may be wanting once it is there
    counts = { logins = 0, refreshes = 0, failures = 0, refused = 0 },
  }
  check_urls(fields)
  fields.object = core.login(fields)
  return fields.object
end

-- ---- the token --------------------------------------------------------------------------

-- method: which one wants them, if one of the caller's may be to blame.
local function fields_of(self, method)
  return (core.fields(self, TYPE, method)) -- no tail call: levels are counted
end

local function closed(f, step)
  return errors.new {
    code = "closed", class = "closed", provider = f.def.name, step = step,
    description = "the login is closed",
  }
end

-- The renewal went well, but the token was dropped before this caller got its turn.
local function gone(f)
  return f.closed and closed(f, "login") or errors.new {
    code = "lost", class = "transient", provider = f.def.name, step = "login",
    description = "the token was dropped while it was waited for",
  }
end

-- The token to hand out, by the rules of its state.
local function current(f)
  if f.closed then
    return nil, closed(f, "login")
  end
  local t, state = renewal.living(f)
  if state == "fresh" then
    return t
  elseif state == "advisory" then
    renewal.nudge(f)
    t = renewal.living(f) -- a transport may have taken its time
    if t then
      return t
    elseif f.closed then
      return nil, closed(f, "login")
    end
  end
  local _, err = renewal.wait(f)
  t = renewal.living(f)
  if t then
    return t
  end
  return nil, err or gone(f)
end

-- A token that the caller has lives on when the login is closed.
local function share(t, err)
  if t then
    token.fields(t).is_shared = true
    return t
  end
  return errors.refuse(err)
end

--- The valid token; logs in or refreshes when it must.
-- @treturn[1] bearer.token
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
function methods:token()
  return share(current(fields_of(self, "token")))
end

-- What login:header() does when no fresh header is at hand.
local function find_header(self)
  local f = fields_of(self, "header")
  local t, err = current(f)
  if not t then
    return errors.refuse(err)
  end
  local name, value = t:header()
  if f.token == t then
    served.until_due(self, (core.times(t)), name, value)
  end
  return name, value
end

--- The header of an authorised request. No I/O and no garbage while the token is fresh.
-- @function login:header
-- @treturn[1] string its name
-- @treturn[1] string its value
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
methods.header = served.method(find_header)

--- All headers of an authorised request.
-- @tparam[opt] table t to add them to
-- @treturn[1] table
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
function methods:headers(t)
  local f = fields_of(self, "headers")
  if t ~= nil and type(t) ~= "table" then
    error("headers: a table expected, got " .. type(t), 2)
  end
  local tok, err = current(f)
  if not tok then
    return errors.refuse(err)
  end
  return tok:headers(t)
end

--- Put the token into a request, where this provider wants it.
-- @tparam table request_table `{method, url, headers, query, json, …}`; it is changed
-- @treturn[1] table the same request
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
function methods:authorize(request_table)
  local f = fields_of(self, "authorize")
  if type(request_table) ~= "table" then
    error("authorize: a request table expected, got " .. type(request_table), 2)
  end
  local t, err = current(f)
  if not t then
    return errors.refuse(err)
  end
  return t:authorize(request_table)
end

--- The next token.
-- @tparam[opt] bearer.token rejected does nothing when the login holds a newer one already
-- @treturn[1] bearer.token
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
function methods:refresh(rejected)
  local f = fields_of(self, "refresh")
  if rejected ~= nil and core.type(rejected) ~= "bearer.token" then
    error("refresh: a bearer.token expected, got " .. type(rejected), 2)
  end
  if f.closed then
    return errors.refuse(closed(f, "refresh"))
  end
  local t = renewal.living(f)
  if rejected and t and t ~= rejected then
    return share(t)
  end
  local ok, err = renewal.wait(f)
  if not ok then
    return errors.refuse(err)
  end
  return share(current(f))
end

-- ---- calls ----------------------------------------------------------------------------------

local function drop(f, t)
  if f.token == t then
    renewal.adopt(f, nil)
  end
end

-- Send once. The third result tells that the token was refused.
local function try(f, t, request_table)
  local response, failure = call.send(f, t, request_table)
  local refused = response ~= nil and call.is_refused(f, response)
  if refused then
    f.counts.refused = f.counts.refused + 1
  elseif response then
    renewal.accepted(f)
  end
  return response, failure, refused
end

--- Send an authorised request. On 401 the token that was sent is dropped, and after one login
-- the call is repeated once.
-- @tparam table request_table `{method, url, headers, query, json, form, body}`; a `url` that is
--   no absolute one is joined to the provider's `base_url`
-- @treturn[1] table `{status, headers, body, json()}`; header names are in lower case
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
-- @raise on a request that cannot be sent: a wrong type, an unknown field, no https
function methods:request(request_table)
  local f = fields_of(self, "request")
  call.check(request_table)
  local t, err = current(f)
  if not t then
    return errors.refuse(err)
  end
  local response, failure, refused = try(f, t, request_table)
  if not response then
    return errors.refuse(failure)
  elseif not refused or not renewal.may_replace(f) then
    return response
  end
  drop(f, t)
  t, err = current(f)
  if not t then
    return errors.refuse(err)
  end
  response, failure, refused = try(f, t, request_table)
  if refused then
    renewal.replaced_in_vain(f)
  end
  if not response then
    return errors.refuse(failure)
  end
  return response
end

-- ---- ending ----------------------------------------------------------------------------------

local function end_at_provider(f, t)
  local names, why = attempt.about(f, f.def.logout, t)
  if not names then
    return nil, { code = "no_secret", class = "terminal", description = why }
  end
  for _, r in ipairs(f.def.logout) do
    local req, fault = request.build(r, f.def, names, f.options.allow_http)
    if not req then
      return nil, { code = "bad_request", class = "terminal",
        description = errors.clean(request.explain(fault), names) }
    end
    local raw, failure = exchange.send(req, f.options)
    if not raw then
      return nil, { code = failure.code, class = "transient",
        description = errors.clean(failure.reason, names) }
    end
    local ok, refusal = answer.judge(answer.read(raw), r, f.def, names)
    if not ok then
      return nil, refusal
    end
  end
  return true
end

--- End the token at the provider where it can be ended, then forget it.
-- @treturn[1] true
-- @treturn[2] nil when the provider did not end it; it is forgotten all the same, unless the code
--   is `cannot_wait`: nothing was done then
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
function methods:logout()
  local f = fields_of(self, "logout")
  if f.closed then
    return errors.refuse(closed(f, "logout"))
  end
  local fine, unfit = exchange.can_send(f.options)
  if f.def.logout and not fine and renewal.living(f) then -- nothing is given up for nothing
    return errors.refuse(errors.new {
      code = unfit.code, class = "transient", provider = f.def.name, step = "logout",
      description = unfit.reason,
    })
  end
  renewal.settle(f)
  local t = renewal.living(f)
  self:forget()
  if not t or not f.def.logout then
    return true
  end
  local ok, fields = end_at_provider(f, t)
  if ok then
    return true
  end
  fields.provider, fields.step = f.def.name, "logout"
  return errors.refuse(errors.new(fields))
end

--- Drop the token here.
function methods:forget()
  local f = fields_of(self, "forget")
  if not f.closed then
    renewal.adopt(f, nil)
    renewal.give_up_refresh(f)
  end
  return nil
end

--- Lift a hold: the next call asks the server again.
function methods:reset()
  renewal.reset(fields_of(self, "reset"))
  return nil
end

--- What a metrics collector wants to know.
-- @treturn table `{state, expires_in, generation, logins, refreshes, failures, refused, hold,
--   last_error}`: `state` is `none`, `fresh`, `advisory`, `mandatory`, `expired` or `closed`;
--   `refused` counts tokens that an API call found no longer accepted; `hold` is in seconds
function methods:status()
  local f = fields_of(self, "status")
  local t, state = renewal.living(f)
  return {
    state = f.closed and "closed" or state,
    expires_in = t and t:expires_in(),
    generation = f.generation,
    logins = f.counts.logins, refreshes = f.counts.refreshes, failures = f.counts.failures,
    refused = f.counts.refused,
    hold = renewal.held_for(f),
    last_error = f.last_error,
  }
end

local function wipe(f)
  f.closed = true
  if f.token and not token.fields(f.token).is_shared then
    token.wipe(f.token)
  end
  renewal.adopt(f, nil)
  f.scope:clear()
  f.dynamic = {}
end

--- Wipe its secrets and forget its token. Twice is fine; later calls answer `nil`, a sentence
-- and an error with code `closed`.
function methods:close()
  local f = fields_of(self, "close")
  if f.closed then
    return nil
  end
  wipe(f)
  if f.flight then
    f.flight:cancel(closed(f, "login"))
  end
  return nil
end

mt.__close = methods.close

-- Nobody waits for it any more, not even when the state is closed: there is nobody to wake.
function mt.__gc(self)
  wipe(fields_of(self))
end

mt.__tostring = function(self)
  local f = fields_of(self)
  local _, state = renewal.living(f)
  return ("bearer.login (%s, %s)"):format(f.def.name, f.closed and "closed" or state)
end

return login
