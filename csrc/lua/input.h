/*
 * What a caller gives a login: checked against the definition, then kept as variables.
 */
#ifndef BEARER_INPUT_H
#define BEARER_INPUT_H

#include "lua/provider.h"

#pragma GCC visibility push(hidden)

#define BEARER_WHY_MAX 256

/* Why the function of an input gave no value: at 2 whether it returned, behind that what
   it gave or raised. [-0, +0, m] */
void bearer_input_explain(lua_State *L, const bearer_input *input,
                          const bearer_vars *vars, char why[BEARER_WHY_MAX]);

/* Check the inputs in the table at `given` and put them into vars. Secret references and
   functions, which are asked anew for each login, are pushed as a table by the number of
   their input (from 1), or nil when there are none. Raises what is missing, unknown or
   wrong. [-0, +1, v] */
void bearer_inputs_check(lua_State *L, int provider, const bearer_definition *def,
                         int given, bearer_vars *vars);

/* Put the value at index into vars as this input. 0: why says what is wrong with it,
   never with the value, which may be a secret in the wrong place. [-0, +0, m] */
int bearer_input_put(lua_State *L, int provider, const bearer_definition *def,
                     const bearer_input *input, int index, bearer_vars *vars,
                     char why[BEARER_WHY_MAX]);

/* Likewise with what the secret reference at index names. [-0, +0, m] */
int bearer_input_read(lua_State *L, int provider, const bearer_definition *def,
                      const bearer_input *input, int index, bearer_vars *vars,
                      char why[BEARER_WHY_MAX]);

#pragma GCC visibility pop

#endif
