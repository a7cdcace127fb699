#pragma once

namespace dq::sampling {

// The x in [0, 1] below which a share p of the beta distribution lies: the inverse of the regularised
// incomplete beta function I_x(a, b) = p. a, b > 0; relative error about 1e-14.
double beta_quantile(double p, double a, double b);

// I_x(a, b) (Press et al., Numerical Recipes, 6.4: a continued fraction).
double incomplete_beta(double x, double a, double b);

}  // namespace dq::sampling
