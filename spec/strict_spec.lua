-- Hosts that watch or trim their globals: strict.lua, sandboxes that take `require` away.
local helper = require "spec.support.helper"
local nginx_host = require "spec.support.nginx_host"
local nginx_stage = require "spec.support.nginx_stage"

describe("require 'bearer'", function()
  local function runs(how)
    helper.must(helper.command { helper.interpreter, "spec/support/strict.lua", how }
      .. " 2>&1 </dev/null")
  end

  it("reads and makes no undeclared global, nor does anything that follows", function()
    runs "strict"
  end)

  it("goes on when the host takes require and package away", function()
    runs "taken"
  end)
end)

local describe_nginx = nginx_host.is_wanted() and describe or pending

describe_nginx("require 'bearer' in nginx", function()
  local s

  setup(function()
    s = nginx_stage.open()
  end)

  teardown(function()
    s:close()
  end)

  after_each(function()
    s:clear()
  end)

  it("reads no undeclared global, and goes on when require is taken away", function()
    s:start_as {
      init = ([[
        local declared = { word = true }
        setmetatable(_G, { __index = function(_, name)
          if not declared[name] then
            error("variable '" .. tostring(name) .. "' is not declared", 2)
          end
        end, __newindex = function(_, name)
          error("assign to undeclared variable '" .. tostring(name) .. "'", 2)
        end })
        local bearer = require "bearer"
        rawset(_G, "erp", bearer.login("hubsoft", %s, { ca_file = %q,
          on_event = function() end }))
        rawset(_G, "mine", bearer)
        rawset(_G, "require", false)
      ]]):format(nginx_host.literal(s.sb.credentials.hubsoft), s.sb.ca_file),
      server = [[
        location = /header { content_by_lua_block {
          local name, value = erp:header()
          ngx.print(name, " ", #value)
        } }
        location = /more { content_by_lua_block {
          local _, value = erp:header()
          ngx.print(tostring(erp:reject(value)), " ", erp:token():generation(), " ",
            erp:request({ url = "/api/v1/integracao/cliente" }).status, " ",
            tostring(mine.provider "hubsoft"))
        } }
        location = /filter { header_filter_by_lua_block { erp:header() } return 200; }
        location = /log { log_by_lua_block { erp:header() mine.poll() } return 200; }
      ]],
    }
    assert.matches("^Authorization %d+$", s.host:get("/header").body)
    assert.equal("true 2 200 bearer.provider (hubsoft)", s.host:get("/more").body)
    assert.equal(200, s.host:get("/filter").status)
    assert.equal(200, s.host:get("/log").status)
  end)
end)
