--- A shop to log in to: a definition made of a good default plus what a spec changes, and a
-- transport that keeps what would be sent and plays the answers.
local bearer = require "bearer"
local cjson = require "cjson"

local shop = {}

--- A definition without fault, with `changes` laid over it.
function shop.definition(changes)
  local def = { name = "shop", inputs = {}, login = { url = "https://shop.example/login" } }
  for key, value in pairs(changes or {}) do
    def[key] = value
  end
  return def
end

-- What an answer leaves out is filled in: tokens are t1, t2, … and bodies may be tables.
local function complete(answer, count)
  local body = answer.body or { access_token = "t" .. count }
  return {
    status = answer.status or 200,
    headers = answer.headers or { ["content-type"] = "application/json" },
    body = type(body) == "table" and cjson.encode(body) or body,
  }
end

--- A transport.
-- @param answers a list, the last of which repeats, or a function `(request, count) -> answer`;
--   an answer is a table, or a text: the transport failed
-- @treturn function the transport
-- @treturn table the requests that it was given
function shop.transport(answers)
  local sent = {}
  return function(request)
    sent[#sent + 1] = request
    local answer
    if type(answers) == "function" then
      answer = answers(request, #sent)
    else
      answer = answers and answers[math.min(#sent, #answers)]
    end
    if type(answer) == "string" then
      return nil, answer
    end
    return complete(answer or {}, #sent)
  end, sent
end

--- A login with such a transport.
-- @tparam ?table changes to the definition
-- @tparam ?table given inputs
-- @param answers see `shop.transport`
-- @tparam ?table options of the login
-- @treturn bearer.login
-- @treturn table the requests that it sends
function shop.login(changes, given, answers, options)
  local transport, sent = shop.transport(answers)
  local all = { transport = transport, retries = 0 }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return bearer.login(shop.definition(changes), given or {}, all), sent
end

--- What one login sends.
-- @tparam table request the definition's `login`; its `url` may be left out
-- @treturn table `{method, url, headers, body}`
function shop.sends(request, inputs, given)
  request.url = request.url or "https://shop.example/login"
  local login, sent = shop.login({ inputs = inputs, login = request }, given)
  assert(login:token())
  assert(#sent == 1, "one request expected")
  return sent[1]
end

--- The JSON that one login sends, decoded.
function shop.sends_json(json, inputs, given)
  return cjson.decode(shop.sends({ json = json }, inputs, given).body)
end

return shop
