--- `lua5.4 spec/sandbox/main.lua`: the sandbox in the foreground. See `make sandbox`.
local root = (arg[0]:match("^(.*)[/\\]") or ".") .. "/../.."
package.path = ("%s/?.lua;%s/?/init.lua;%s"):format(root, root, package.path)

require("spec.sandbox").run()
